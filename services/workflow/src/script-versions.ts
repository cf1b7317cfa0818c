/** A script's version counts the changes of its code, so that a receipt can name the code that spoke. Everything else leaves it. */
import type { ConfigDocument, Script } from '@sluice/distribution';

/** The document with the versions that its scripts have after what stands; what it says of them itself is not read. */
export function withScriptVersions(document: ConfigDocument, standing: ConfigDocument): ConfigDocument {
  if (!document.scripts) return document;
  const before = new Map((standing.scripts ?? []).map((script) => [script.id, script]));
  return { ...document, scripts: document.scripts.map((script) => ({ ...script, version: versionOf(script, before.get(script.id)) })) };
}

function versionOf({ code }: Script, before: Script | undefined): number {
  if (before === undefined) return 1;
  const { version = 1 } = before;
  return before.code === code ? version : version + 1;
}
