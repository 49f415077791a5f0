/** The hubs' names: in code and records, for people, and as typed. src/hub/hubs.ts holds everything else about a hub. */
export const hubTitles = { modelscope: 'ModelScope', huggingface: 'Hugging Face' } as const;

export type HubName = keyof typeof hubTitles;

export const hubNames = Object.keys(hubTitles) as readonly HubName[];

/** The prefixes of `modelscope:owner/name`: the first is written, all are read. Those with a dot are sites of the hub. */
export const hubPrefixes: Readonly<Record<HubName, readonly [string, ...string[]]>> = {
  modelscope: ['modelscope', 'modelscope.cn', 'modelscope.ai'],
  huggingface: ['hf', 'huggingface', 'huggingface.co'],
};

/** A value for each hub, made from its name. */
export function byHub<T>(value: (hub: HubName) => T): Record<HubName, T> {
  return Object.fromEntries(hubNames.map((hub) => [hub, value(hub)])) as Record<HubName, T>;
}
