import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  contextKeys,
  customEditorTypes,
  innerCommands,
  paletteCommands,
  panelTypes,
  taskType,
  viewIds,
  type SettingId,
} from '../../src/extension/ids';
import { messagesOfExtension } from './wordings';

const root = join(__dirname, '../..');
const readJson = (file: string): any => JSON.parse(readFileSync(join(root, file), 'utf8'));
const manifest = readJson('package.json');
const { contributes } = manifest;
const english: Record<string, string> = readJson('package.nls.json');
const chinese: Record<string, string> = readJson('package.nls.zh-cn.json');
const allCommands: string[] = [...paletteCommands, ...innerCommands];

describe('manifest and code agree', () => {
  it('on the commands', () => {
    assert.deepEqual(
      contributes.commands.map(({ command }: { command: string }) => command),
      allCommands,
    );
  });

  it('on what the palette hides', () => {
    const hidden = contributes.menus.commandPalette.filter(({ when }: { when: string }) => when === 'false');
    assert.deepEqual(
      hidden.map(({ command }: { command: string }) => command),
      [...innerCommands],
    );
  });

  it('on the commands of menus, keys and welcome texts', () => {
    const used = [...Object.values<any[]>(contributes.menus).flat(), ...contributes.keybindings].map(
      ({ command }) => command as string,
    );
    const linked = [...JSON.stringify(english).matchAll(/command:(medtext\.\w+)/g)].map(([, command]) => command);
    const isOurs = (command: string): boolean => !command.startsWith('workbench.');
    for (const command of [...used, ...linked].filter(isOurs)) assert.ok(allCommands.includes(command), command);
  });

  it('on views, panels, editors, tasks, settings and context keys', () => {
    const views = Object.values<any[]>(contributes.views).flat();
    assert.deepEqual(
      views.map(({ id }) => id),
      [...viewIds],
    );
    assert.deepEqual(
      manifest.activationEvents.flatMap((event: string) => /^onWebviewPanel:(.*)/.exec(event)?.[1] ?? []),
      [...panelTypes],
    );
    assert.deepEqual(
      contributes.customEditors.map(({ viewType }: { viewType: string }) => viewType),
      [...customEditorTypes],
    );
    assert.deepEqual(
      contributes.taskDefinitions.map(({ type }: { type: string }) => type),
      [taskType],
    );
    const settings: Record<SettingId, true> = {
      'medtext.device': true,
      'medtext.runtime.nodePath': true,
      'medtext.runtime.threads': true,
      'medtext.scoring.precision': true,
      'medtext.hover.enabled': true,
      'medtext.hover.starter': true,
      'medtext.hover.languages': true,
      'medtext.models.folder': true,
      'medtext.hub.modelscopeEndpoint': true,
      'medtext.hub.huggingFaceEndpoint': true,
      'medtext.gpuRuntime.index': true,
      'medtext.training.onWindowClose': true,
    };
    assert.deepEqual(Object.keys(contributes.configuration.properties).sort(), Object.keys(settings).sort());
    const known: string[] = Object.values(contextKeys);
    for (const { enablement } of contributes.commands)
      if (enablement) assert.ok(known.includes(enablement), enablement);
  });

  it('on files', () => {
    const pictures = contributes.walkthroughs[0].steps.map(({ media }: any) => media.svg);
    for (const file of [manifest.icon, contributes.viewsContainers.activitybar[0].icon, ...pictures]) {
      assert.ok(existsSync(join(root, file)), file);
    }
    const packed = readFileSync(join(root, '.vscodeignore'), 'utf8').split('\n');
    for (const { url } of contributes.jsonValidation) {
      for (const words of [english, chinese]) {
        const file = words[url.replaceAll('%', '')].replace(/^\.\//, '');
        assert.ok(packed.includes(`!${file.replace(/\.schema.*/, '.schema*.json')}`), file);
      }
    }
  });

  it('never starts with every window, and keeps the Node path out of untrusted folders', () => {
    assert.ok(!manifest.activationEvents.some((event: string) => event === '*' || event === 'onStartupFinished'));
    const { untrustedWorkspaces, virtualWorkspaces } = manifest.capabilities;
    assert.equal(untrustedWorkspaces.supported, 'limited');
    assert.ok(untrustedWorkspaces.restrictedConfigurations.includes('medtext.runtime.nodePath'));
    assert.equal(virtualWorkspaces, false);
  });
});

describe('languages', () => {
  it('the manifest has each text in English and Chinese, and no other', () => {
    const used = [...JSON.stringify(manifest).matchAll(/"%([^%"]+)%"/g)].map(([, key]) => key);
    assert.deepEqual([...new Set(used)].sort(), Object.keys(english).sort());
    assert.deepEqual(Object.keys(chinese).sort(), Object.keys(english).sort());
    for (const key of Object.keys(english)) {
      if (key.startsWith('schema.')) assert.match(chinese[key], /\.zh-cn\.json$/);
      else assert.match(chinese[key], /\p{Script=Han}/u, key);
      assert.deepEqual(linksOf(chinese[key]), linksOf(english[key]), key);
    }
  });

  it('every message of the code has a Chinese wording with the same values', () => {
    const bundle: Record<string, string> = readJson('l10n/bundle.l10n.zh-cn.json');
    const messages = [...messagesOfExtension()];
    assert.ok(messages.length > 50);
    assert.deepEqual(Object.keys(bundle).sort(), messages.sort());
    for (const [message, wording] of Object.entries(bundle)) {
      assert.deepEqual(valuesOf(wording), valuesOf(message), message);
    }
  });
});

const linksOf = (text: string): string[] => [...text.matchAll(/\(command:[^)]*\)/g)].map(([link]) => link).sort();
const valuesOf = (text: string): string[] => [...text.matchAll(/\{\d\}/g)].map(([value]) => value).sort();
