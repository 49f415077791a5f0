import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ANSWERS } from '../protocol/answers';
import { findTask } from '../protocol/tasks';
import { readTextFileSync } from '../base/textFile';
import { MedTextError, words } from '../base/errors';
import { Emitter } from '../base/events';
import { sizeText } from '../base/sizeText';
import { modelFacts, type ModelFacts } from '../protocol/library';

export type ModelRecord = ModelFacts;

/** What the stores persist in; structurally `vscode.Memento`. */
export interface Memory {
  get<T>(key: string): T | undefined;
  update(key: string, value: unknown): PromiseLike<void>;
}

export interface ModelEntry {
  readonly folder: string;
  readonly name: string;
  readonly origin: 'imported' | 'fine-tuned';
  readonly addedAtMs: number;
}

/** A listed model with what its files say. */
export interface ListedModel extends ModelEntry {
  readonly active: boolean;
  readonly missing: boolean;
  /** An encoder without a head gives cosines, but no labels. */
  readonly hasHead: boolean;
  /** Whether it finds entities. */
  readonly marksEntities: boolean;
  /** For example `12 layers · 768`. */
  readonly description: string;
  /** What the import wrote down of it; undefined for other models. */
  readonly record: ModelRecord | undefined;
}

const listKey = 'medtext.models';
/** `102M` parameters, in every language: so models are named. */
const countText = new Intl.NumberFormat('en', { notation: 'compact' });
const activeKey = 'medtext.activeModel';
/** The folder's name that src/library/starter.ts writes. */
const STARTER_NAME = 'starter-zh';
const STARTER_SOURCE = 'medtext:starter-zh';

/** The models this person has imported or trained, and which one scores in this workspace. */
export class ModelStore {
  private readonly change = new Emitter<void>();
  readonly onDidChange = this.change.event;

  /**
   * @param shared of all windows: the list
   * @param workspace the choice of the active one
   * @param library the folder of models that the command line fills, too
   */
  constructor(
    private readonly shared: Memory,
    private readonly workspace: Memory,
    private readonly library: () => string | undefined = () => undefined,
  ) {}

  /** What lies in the library's folder may have changed. */
  refresh(): void {
    this.change.fire();
  }

  list(): ListedModel[] {
    const active = this.activeFolder();
    return this.entries().map((entry) => ({ ...entry, ...factsOf(entry), active: entry.folder === active }));
  }

  /** The model that hovers and scores use: the chosen one, else the starter; undefined where that is not unpacked yet. */
  active(): ListedModel | undefined {
    return this.list().find(({ active, missing }) => active && !missing);
  }

  /** Whether hovers and scores use the encoder that comes with the program. */
  isStarter({ record }: ListedModel): boolean {
    return record?.source === STARTER_SOURCE;
  }

  async add(folder: string, origin: ModelEntry['origin'], name = basename(folder)): Promise<void> {
    const others = this.stored().filter((entry) => entry.folder !== folder);
    await this.shared.update(listKey, [...others, { folder, name, origin, addedAtMs: Date.now() }]);
    this.change.fire();
  }

  /** Whether it is listed as long as its files are there. */
  isInLibrary(folder: string): boolean {
    return inLibrary(this.library()).some((entry) => entry.folder === folder);
  }

  /** Forgets the entry; the files stay. */
  async remove(folder: string): Promise<void> {
    await this.shared.update(
      listKey,
      this.stored().filter((entry) => entry.folder !== folder),
    );
    if (this.activeFolder() === folder) await this.workspace.update(activeKey, undefined);
    this.change.fire();
  }

  /** @throws NOT_FOUND */
  async activate(folder: string): Promise<void> {
    const model = this.list().find((candidate) => candidate.folder === folder);
    if (!model || model.missing)
      throw new MedTextError('NOT_FOUND', words`The model folder ${folder} does not exist.`, { folder });
    await this.workspace.update(activeKey, folder);
    this.change.fire();
  }

  private entries(): ModelEntry[] {
    const listed = this.stored();
    const known = new Set(listed.map(({ folder }) => folder));
    return [...listed, ...inLibrary(this.library()).filter(({ folder }) => !known.has(folder))];
  }

  private stored(): ModelEntry[] {
    return this.shared.get<ModelEntry[]>(listKey) ?? [];
  }

  private activeFolder(): string | undefined {
    const chosen = this.workspace.get<string>(activeKey);
    if (chosen !== undefined && existsSync(join(chosen, 'config.json'))) return chosen;
    const library = this.library();
    const starter = library === undefined ? undefined : join(library, STARTER_NAME);
    return starter !== undefined && recordOf(starter)?.source === STARTER_SOURCE ? starter : chosen;
  }
}

/** Models that were brought into the library's folder, by whatever program. */
function inLibrary(library: string | undefined): ModelEntry[] {
  if (library === undefined || !existsSync(library)) return [];
  try {
    const names = readdirSync(library).filter((name) => !name.startsWith('.'));
    return names.flatMap((name) => {
      const folder = join(library, name);
      const record = recordOf(folder);
      const addedAtMs = Date.parse(record?.importedAt ?? '') || 0;
      return record ? [{ folder, name, origin: 'imported' as const, addedAtMs }] : [];
    });
  } catch {
    return [];
  }
}

function factsOf({
  folder,
}: ModelEntry): Pick<ListedModel, 'missing' | 'hasHead' | 'marksEntities' | 'description' | 'record'> {
  const file = join(folder, 'config.json');
  if (!existsSync(file))
    return { missing: true, hasHead: false, marksEntities: false, description: '', record: undefined };
  try {
    const config = JSON.parse(readTextFileSync(file)) as Record<string, any>;
    const labels = Object.values(config.id2label ?? {}).map(String);
    const task = findTask(config.medtext?.task);
    const marksEntities =
      /ForTokenClassification/.test(String(config.architectures)) || (task && ANSWERS[task.answer].column === 'marks') === true; // prettier-ignore
    const isClassifier =
      marksEntities || /ForSequenceClassification/.test(String(config.architectures)) || config.problem_type !== undefined; // prettier-ignore
    const record = recordOf(folder);
    const parts = [`${config.num_hidden_layers ?? '?'} × ${config.hidden_size ?? '?'}`];
    if (isClassifier && labels.length > 0) parts.push(labels.slice(0, 4).join(' / ') + (labels.length > 4 ? ' …' : ''));
    if (record) parts.push(countText.format(record.parameterCount), sizeText(record.sizeBytes));
    return { missing: false, hasHead: isClassifier, marksEntities, description: parts.join(' · '), record };
  } catch {
    return { missing: false, hasHead: false, marksEntities: false, description: 'config.json ?', record: undefined };
  }
}

/** The record that src/library/modelRecord.ts writes; undefined for any other content. */
export function recordOf(folder: string): ModelRecord | undefined {
  try {
    return modelFacts(JSON.parse(readTextFileSync(join(folder, 'medtext-model.json'))));
  } catch {
    return undefined;
  }
}
