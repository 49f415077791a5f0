import type { SecretStorage } from 'vscode';
import { workspace } from 'vscode';
import type { HubOptions } from '../protocol/library';
import { setting } from './settings';

export type HubName = 'modelscope' | 'huggingFace';
export const hubNames: Readonly<Record<HubName, string>> = { modelscope: 'ModelScope', huggingFace: 'Hugging Face' };

const keyOf = (hub: HubName): string => `medtext.hubToken.${hub}`;

/** How the hubs are reached: settings of this machine, the editor's proxy, and tokens, which lie in the secret storage alone. */
export class HubAccess {
  constructor(private readonly secrets: SecretStorage) {}

  async options(): Promise<HubOptions> {
    const http = workspace.getConfiguration('http');
    const proxy = http.get<string>('proxySupport') === 'off' ? 'off' : http.get<string>('proxy');
    const [modelscopeToken, huggingFaceToken] = await Promise.all([
      this.token('modelscope'),
      this.token('huggingFace'),
    ]);
    return {
      ...given('modelscopeEndpoint', setting('medtext.hub.modelscopeEndpoint')),
      ...given('huggingFaceEndpoint', setting('medtext.hub.huggingFaceEndpoint')),
      ...given('modelscopeToken', modelscopeToken),
      ...given('huggingFaceToken', huggingFaceToken),
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
