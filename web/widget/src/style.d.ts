// The widget's style sheet as text, made by the build.
declare module "widget:style" {
  const css: string;
  export default css;
}
