// Draws a component again only when one of its properties is another.

import { Component, h, type FunctionComponent, type VNode } from "preact";

export function memo<Props extends object>(view: FunctionComponent<Props>): FunctionComponent<Props> {
  class Memo extends Component<Props> {
    override shouldComponentUpdate(next: Readonly<Props>): boolean {
      const names = Object.keys(next) as (keyof Props)[];
      return names.length !== Object.keys(this.props).length ||
        names.some((name) => next[name] !== (this.props as Readonly<Props>)[name]);
    }
    override render(): VNode {
      return h(view as unknown as FunctionComponent<object>, this.props as object);
    }
  }
  return Memo as unknown as FunctionComponent<Props>;
}
