// node sipjs.mjs URL: SIP.js over WebSocket registers, asks and is refused.
import { check, finish, load } from "./packages.mjs";

const { Messager, Registerer, RegistererState, UserAgent } = load("sip.js");
const [url] = process.argv.slice(2);

function agent(user, password) {
  return new UserAgent({ uri: UserAgent.makeURI(`sip:${user}@127.0.0.1`), transportOptions: { server: url }, authorizationUsername: user,
                         authorizationPassword: password, logBuiltinEnabled: false });
}

async function register(ua, method = "register", options = {}) {
  const registerer = new Registerer(ua, options);
  const status = await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error("REGISTER was not answered")), 8000);
    registerer[method]({ requestDelegate: { onAccept: (r) => resolve(r.message.statusCode), onReject: (r) => resolve(r.message.statusCode) } });
  });
  return { registerer, status };
}

async function run() {
  const ua = agent("carol", "secret");
  await ua.start();
  const { registerer, status } = await register(ua);
  check(status === 200 && registerer.state === RegistererState.Registered, `registered with ${status}`);
  const message = await new Promise((resolve) => new Messager(ua, UserAgent.makeURI("sip:room@127.0.0.1"), "x").message({
    requestDelegate: { onAccept: (r) => resolve(r.message.statusCode), onReject: (r) => resolve(r.message.statusCode) } }));
  check(message >= 400 && message < 500 || message === 202, `MESSAGE: ${message}`);
  const gone = await register(ua, "unregister");
  check(gone.status === 200, `removed with ${gone.status}`);
  await ua.stop();
  const wrong = agent("carol", "wrong");
  await wrong.start();
  const refused = await register(wrong);
  check(refused.status === 401, `a wrong password gets ${refused.status}`);
}

finish(run());
