// An option of a script's own, in TypeScript: --set greeting=hello
/// <reference path="../docs/midstream.d.ts" />

import { polite } from "./lib/words";

export function load(loader: Loader) {
  loader.add_option("greeting", "str", "hello", "what X-Greeting says");
}

export function configure(updated: Set<string>) {
  if (updated.has("greeting") && ctx.options.greeting === "") {
    throw new OptionsError("greeting must not be empty");
  }
}

export function responseheaders(flow: HTTPFlow) {
  flow.response!.headers["X-Greeting"] = polite(ctx.options.greeting as string);
}
