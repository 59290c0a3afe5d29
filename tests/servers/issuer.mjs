// An issuer of OpenID Connect: npm's oauth2-mock-server on localhost.
//
//     node issuer.mjs MODULES PORT WISHES
//
// WISHES is a JSON file, read anew at each answer: {"claims", "userinfo", "token", "alg"} change
// what is issued. Prints "ready" once it listens.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [modules, port, wishesFile] = process.argv.slice(2);
const at = createRequire(modules + "/").resolve("oauth2-mock-server");
const { OAuth2Server } = await import(pathToFileURL(at));

const wishes = () => JSON.parse(readFileSync(wishesFile));
const server = new OAuth2Server();
const keys = {};
for (const alg of ["RS256", "ES256", "PS256"]) {
  keys[alg] = await server.issuer.keys.generate(alg);
}

// The key that signs next is the one that is asked for.
const build = server.issuer.buildToken.bind(server.issuer);
server.issuer.buildToken = (options) =>
  build({ ...options, kid: keys[wishes().alg ?? "RS256"].kid });
server.service.on("beforeTokenSigning", (token) => {
  for (const [name, value] of Object.entries(wishes().claims ?? {})) {
    if (value === null) delete token.payload[name];
    else token.payload[name] = value;
  }
});
server.service.on("beforeUserinfo", (answer) => Object.assign(answer.body, wishes().userinfo));
server.service.on("beforeResponse", (answer) => {
  const { token } = wishes();
  if (token) Object.assign(answer, token);
});
await server.start(Number(port), "127.0.0.1");
console.log("ready");
