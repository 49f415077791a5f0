/** The hubs, by the name that code and records use, with the title that people know. All else of them: src/hub/hubs.ts. */
export const hubTitles = { modelscope: 'ModelScope', huggingface: 'Hugging Face' } as const;

export type HubName = keyof typeof hubTitles;

export const hubNames = Object.keys(hubTitles) as readonly HubName[];

/** A value for each hub, made from its name. */
export function byHub<T>(value: (hub: HubName) => T): Record<HubName, T> {
  return Object.fromEntries(hubNames.map((hub) => [hub, value(hub)])) as Record<HubName, T>;
}
