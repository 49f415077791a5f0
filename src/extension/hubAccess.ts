import type { SecretStorage } from 'vscode';
import { workspace } from 'vscode';
import { hubNames, type HubName } from '../base/hubNames';
import type { HubOptions } from '../protocol/library';
import { setting } from './settings';

const keyOf = (hub: HubName): string => `medtext.hubToken.${hub}`;
const endpointSettings = {
  modelscope: 'medtext.hub.modelscopeEndpoint',
  huggingface: 'medtext.hub.huggingFaceEndpoint',
} as const satisfies Readonly<Record<HubName, string>>;

/** How the hubs are reached: settings of this machine, the editor's proxy, and tokens, which lie in the secret storage alone. */
export class HubAccess {
  constructor(private readonly secrets: SecretStorage) {}

  async options(): Promise<HubOptions> {
    const http = workspace.getConfiguration('http');
    const proxy = http.get<string>('proxySupport') === 'off' ? 'off' : http.get<string>('proxy');
    const tokens = await Promise.all(hubNames.map(async (hub) => given(hub, await this.token(hub))));
    return {
      endpoints: Object.assign({}, ...hubNames.map((hub) => given(hub, setting(endpointSettings[hub])))),
      tokens: Object.assign({}, ...tokens),
      ...given('proxy', proxy),
      noProxy: http.get<string[]>('noProxy') ?? [],
      strictCertificates: http.get<boolean>('proxyStrictSSL') ?? true,
    };
  }

  async token(hub: HubName): Promise<string | undefined> {
    return this.secrets.get(keyOf(hub));
  }

  /** Undefined takes it away. */
  async setToken(hub: HubName, token: string | undefined): Promise<void> {
    await (token === undefined ? this.secrets.delete(keyOf(hub)) : this.secrets.store(keyOf(hub), token));
  }
}

/** Empty means not set: then the environment counts. */
function given(name: string, value: string | undefined): Record<string, string> {
  return value?.trim() ? { [name]: value.trim() } : {};
}
