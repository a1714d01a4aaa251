// Text that people typed: text nodes and safe links, nothing else.

import type { VNode } from "preact";
import { useMemo } from "preact/hooks";
import { linkify } from "../linkify.ts";

export function LinkedText({ text }: { text: string }): VNode {
  const runs = useMemo(() => linkify(text), [text]);
  return (
    <>
      {runs.map((run, at) => run.kind === "text" ? run.text : (
        <a key={at} href={run.href} target="_blank" rel="noopener noreferrer nofollow">{run.text}</a>
      ))}
    </>
  );
}
