import { workspace, type ConfigurationScope } from 'vscode';
import type { SettingId, Settings } from './ids';

/** A setting's value, typed by its id. */
export function setting<K extends SettingId>(id: K, scope?: ConfigurationScope): Settings[K] {
  return workspace.getConfiguration(undefined, scope).get(id) as Settings[K];
}
