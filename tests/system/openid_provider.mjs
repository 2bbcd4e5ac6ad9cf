// The npm package oidc-provider as the hospital's provider: `node openid_provider.mjs PORT FOLDER_WITH_NODE_MODULES REDIRECT_ADDRESS`.
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [port, folder, redirect] = process.argv.slice(2);
const entry = createRequire(`${folder}/package.json`).resolve("oidc-provider");
const { default: Provider } = await import(pathToFileURL(entry).href);
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [
    {
      client_id: "garant",
      client_secret: "client-secret-7",
      redirect_uris: [redirect],
      grant_types: ["authorization_code"],
      response_types: ["code"],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username"] },
  pkce: { required: () => true },
  findAccount: async (_, id) => ({ accountId: id, claims: async () => ({ sub: id, preferred_username: id }) }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("ready"));
