import { $, signIn } from "./sdk-common.js";

const phone = await signIn({ properties: { Department: "Sales" } });
const show = () => $("clients").replaceChildren(...phone.clients.map(({ displayName, phoneNumber, properties }) => {
  const item = document.createElement("li");
  item.textContent = `${displayName} (${phoneNumber}) ${JSON.stringify(properties)}`;
  return item;
}));
for (const event of ["clientOnline", "clientOffline", "clientChanged"]) phone.on(event, show);
show();
