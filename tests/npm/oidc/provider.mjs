// An OpenID provider: node provider.mjs SETTINGS, a file with {port, keys, redirect_uris, people, client_id, client_secret}.
// Who signs in is chosen by a link on its page. It says on standard output when it listens.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const settings = JSON.parse(readFileSync(process.argv[2], "utf8"));
const require = createRequire(pathToFileURL(settings.packages + "/"));
const { default: Provider } = await import(pathToFileURL(require.resolve("oidc-provider")).href);

const issuer = `http://127.0.0.1:${settings.port}`;
const provider = new Provider(issuer, {
  clients: [{
    client_id: settings.client_id,
    client_secret: settings.client_secret,
    redirect_uris: settings.redirect_uris,
    response_types: ["code"],
    grant_types: ["authorization_code"],
  }],
  jwks: { keys: settings.keys },
  cookies: { keys: ["not a secret"] },
  pkce: { required: () => true },
  scopes: ["openid", "profile", "email", "groups"],
  claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email"], groups: ["groups"] },
  conformIdTokenClaims: settings.conform ?? true,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
  findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...settings.people[id] }) }),
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId,
      accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope("openid profile email groups");
    await grant.save();
    return grant;
  },
});

provider.use(async (ctx, next) => {
  const [, place, uid, account] = ctx.path.split("/");
  if (place !== "interaction") return next();
  if (account === undefined) {
    const links = Object.keys(settings.people).map((id) => `<li><a href="/interaction/${uid}/${id}">${id}</a></li>`);
    ctx.type = "html";
    ctx.body = `<!doctype html><title>Accounts</title><h1>Who are you?</h1><ul>${links.join("")}</ul>`;
    return undefined;
  }
  const result = account === "nobody" ? { error: "access_denied" } : { login: { accountId: account } };
  return provider.interactionFinished(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
});

provider.listen(settings.port, "127.0.0.1", () => console.log("listening"));
