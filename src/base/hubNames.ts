/** The hubs, by the name that code and records use, with what people know and type. All else of them: src/hub/hubs.ts. */
export const hubTitles = { modelscope: 'ModelScope', huggingface: 'Hugging Face' } as const;

export type HubName = keyof typeof hubTitles;

export const hubNames = Object.keys(hubTitles) as readonly HubName[];

/** `modelscope` of `modelscope:owner/name`: the first is written, all are read. Those with a dot are sites of the hub. */
export const hubPrefixes: Readonly<Record<HubName, readonly [string, ...string[]]>> = {
  modelscope: ['modelscope', 'modelscope.cn', 'modelscope.ai'],
  huggingface: ['hf', 'huggingface', 'huggingface.co'],
};

/** A value for each hub, made from its name. */
export function byHub<T>(value: (hub: HubName) => T): Record<HubName, T> {
  return Object.fromEntries(hubNames.map((hub) => [hub, value(hub)])) as Record<HubName, T>;
}
