declare module "jssip/lib/Timers.js" {
  const timers: Record<string, number>;
  export default timers;
}
