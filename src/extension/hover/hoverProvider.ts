import { extname } from 'node:path';
import {
  Hover,
  MarkdownString,
  Range,
  type CancellationToken,
  type HoverProvider,
  type Position,
  type TextDocument,
} from 'vscode';
import { asMedTextError } from '../../base/errors';
import { abortSignalOf } from '../cancellation';
import { activeOrStarter } from '../commands/starter';
import type { CommandId } from '../ids';
import type { Services } from '../services';
import { modelUse, questionTo } from '../datasetPreview/modelUse';
import type { ListedModel } from '../modelStore';
import { readsSingleTexts, singleTextHint } from '../scoringService';
import { setting } from '../settings';
import { recordAt } from './dataRowAt';
import { entitiesMarkdown, escapeMarkdown, hoverMarkdown, type HoverContent, type HoverLink } from './hoverText';
import { maxSentenceLength, nearestOf, neighboursOf } from './nearestSentences';
import { sentenceAt, type TextRange } from './sentenceAt';

const dataExtensions = new Set(['.json', '.jsonl', '.ndjson', '.csv', '.tsv', '.txt']);
/** Texts in which the starter answers; code is none. */
const starterLanguages = new Set(['plaintext', 'markdown', 'json', 'jsonl', 'csv', 'tsv']);
const maxDocumentLength = 50_000_000;
/** A bound on the characters of a single text; of a longer one a model reads only the beginning. */
const maxSingleLength = 20_000;
const hintShownKey = 'medtext.hoverHintShown';

export function hoverProvider(services: Services): HoverProvider {
  return { provideHover: (document, position, token) => hoverAt(services, document, position, token) };
}

async function hoverAt(
  services: Services,
  document: TextDocument,
  position: Position,
  token: CancellationToken,
): Promise<Hover | undefined> {
  if (!isWanted(document)) return undefined;
  const isForStarter = starterAnswers(document);
  const model = services.models.active() ?? (isForStarter ? await activeOrStarter(services) : undefined);
  if (!model) return hintOnce(services, document, position);
  if (services.models.isStarter(model) && !isForStarter) return undefined;
  const text = document.getText();
  if (text.length > maxDocumentLength) return undefined;
  try {
    if (questionTo(model) === 'entities')
      return await entitiesAt(services, document, text, document.offsetAt(position), model.name, token);
    const found = await contentAt(services, document, text, document.offsetAt(position), model, abortSignalOf(token)); // prettier-ignore
    // Another model was chosen meanwhile: its name must not stand over these numbers.
    if (!found || found.modelId !== services.scoring.modelId || token.isCancellationRequested) return undefined;
    const { content, range, links } = found;
    const reads = content.given === undefined ? undefined : modelUse(model.folder);
    const markdown = trusted(
      hoverMarkdown({ ...content, modelName: model.name, ...(reads && { reads }) } as HoverContent, links, services.t),
    );
    return new Hover(markdown, new Range(document.positionAt(range.start), document.positionAt(range.end)));
  } catch (error) {
    if (readsSingleTexts(error)) return singleTextHover(services, model.name);
    const { code, message } = asMedTextError(error);
    if (code !== 'CANCELLED') services.log.warn(`hover: ${message}`);
    return undefined;
  }
}

/** The entities of the sentence under the mouse; none: no hover. */
async function entitiesAt(
  { scoring, t }: Services,
  document: TextDocument,
  text: string,
  offset: number,
  modelName: string,
  token: CancellationToken,
): Promise<Hover | undefined> {
  const range = sentenceAt(text, offset);
  if (!range || range.end - range.start > maxSentenceLength) return undefined;
  const sentence = text.slice(range.start, range.end);
  const { modelId, entities } = await scoring.mark([sentence], abortSignalOf(token));
  if (modelId !== scoring.modelId || token.isCancellationRequested || entities[0].length === 0) return undefined;
  const links = [link(t('Mark or unmark the document'), 'medtext.markEntities')];
  const markdown = trusted(entitiesMarkdown(sentence, entities[0], modelName, links, t));
  return new Hover(markdown, new Range(document.positionAt(range.start), document.positionAt(range.end)));
}

interface Found {
  /** The id of the model that gave the scores. */
  readonly modelId: string;
  readonly content: Omit<HoverContent, 'modelName'>;
  readonly range: TextRange;
  readonly links: readonly HoverLink[];
}

async function contentAt(
  services: Services,
  document: TextDocument,
  text: string,
  offset: number,
  model: ListedModel,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const { scoring, t } = services;
  if (questionTo(model) === 'texts') return singleAt(services, document, text, offset, signal);
  const row = await pairAt(services, document, text, offset);
  if (row) {
    const { modelId, scores } = await scoring.score([row.pair], signal);
    const [score] = scores;
    return { modelId, content: { kind: 'row', score, given: row.given }, range: row.range, links: [] };
  }
  const reference = scoring.reference;
  // A pair classifier would read every sentence of the document anew; an encoder's vectors stay.
  if (reference === undefined && model.hasHead) return undefined;
  const range = sentenceAt(text, offset);
  if (!range || range.end - range.start > maxSentenceLength) return undefined;
  const sentence = text.slice(range.start, range.end);
  if (reference === undefined) return nearestTo(services, text, range, signal);
  const { modelId, scores } = await scoring.score([{ first: reference, second: sentence }], signal);
  const links = [
    link(t('Make this the reference'), 'medtext.setReference', sentence),
    link(t('Clear reference'), 'medtext.clearReference'),
  ];
  return { modelId, content: { kind: 'reference', score: scores[0], reference }, range, links };
}

/** The class of the data row's text, or of the sentence, under the mouse. */
async function singleAt(
  services: Services,
  document: TextDocument,
  text: string,
  offset: number,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const row = await rowAt(services, document, text, offset);
  const first = row?.info.first === undefined ? undefined : row.record.values[row.info.first];
  const range = row && first ? row.record : sentenceAt(text, offset);
  if (!range || range.end - range.start > maxSingleLength) return undefined;
  const { modelId, scores } = await services.scoring.score(
    [{ first: first || text.slice(range.start, range.end) }],
    signal,
  );
  return {
    modelId,
    content: {
      kind: first ? 'row' : 'text',
      score: scores[0],
      isSingle: true,
      ...(row && first && { given: labelGiven(row) }),
    },
    range,
    links: [],
  };
}

/** The nearest sentences of the document, by cosine. */
async function nearestTo(
  { scoring, t }: Services,
  text: string,
  range: TextRange,
  signal: AbortSignal,
): Promise<Found | undefined> {
  const sentence = text.slice(range.start, range.end);
  const texts = neighboursOf(text, range);
  if (texts.length === 0) return undefined;
  const { modelId, scores } = await scoring.score(texts.map((second) => ({ first: sentence, second })), signal); // prettier-ignore
  const nearest = nearestOf(texts, scores);
  const links = [link(t('Make this the reference'), 'medtext.setReference', sentence)];
  return { modelId, content: { kind: 'nearest', score: nearest[0].score, nearest }, range, links };
}

/** The labelled or unlabelled pair of the data row under the mouse. */
async function pairAt(services: Services, document: TextDocument, text: string, offset: number) {
  const row = await rowAt(services, document, text, offset);
  if (row?.info.first === undefined || row.info.second === undefined) return undefined;
  const { record, info } = row;
  const [first, second] = [record.values[info.first!], record.values[info.second!]];
  if (!first || !second) return undefined;
  return { range: record, pair: { first, second }, given: labelGiven(row) };
}

/** Undefined where the row has no cell of labels. */
function labelGiven({
  record,
  info,
}: NonNullable<Awaited<ReturnType<typeof rowAt>>>): string | readonly string[] | undefined {
  if (info.label === undefined) return undefined;
  return record.lists?.[info.label] ?? record.values[info.label];
}

/** The row of a data file under the mouse. */
async function rowAt(services: Services, document: TextDocument, text: string, offset: number) {
  const isData = document.uri.scheme === 'file' && dataExtensions.has(extname(document.fileName).toLowerCase());
  if (!isData || document.fileName.endsWith('.medtext.json')) return undefined;
  const info = await services.dataInfo(document.fileName);
  if (!info) return undefined;
  const { format } = info;
  if (format === 'conll' || format === 'xlsx' || format === 'parquet' || format === 'brat') return undefined;
  const record = recordAt(text, offset, { ...info, format });
  return record && { record, info };
}

function isWanted(document: TextDocument): boolean {
  if (!setting('medtext.hover.enabled', document)) return false;
  const wanted = setting('medtext.hover.languages', document);
  return wanted.includes('*') || wanted.includes(document.languageId);
}

/** Where the encoder that comes with the extension shows its cosines. */
function starterAnswers(document: TextDocument): boolean {
  const isText =
    starterLanguages.has(document.languageId) || dataExtensions.has(extname(document.fileName).toLowerCase());
  return isText && setting('medtext.hover.starter', document);
}

/** Without a model there is nothing to show; say once, over text, how to get one. */
async function hintOnce(services: Services, document: TextDocument, position: Position): Promise<Hover | undefined> {
  const { context, t } = services;
  if (context.globalState.get(hintShownKey) || document.languageId !== 'plaintext') return undefined;
  if (!sentenceAt(document.lineAt(position).text, position.character)) return undefined;
  await context.globalState.update(hintShownKey, true);
  const links = [
    link(t('Choose Active Model'), 'medtext.chooseActiveModel'),
    link(t('Import Model…'), 'medtext.importModel'),
    link(t('Fine-Tune Encoder…'), 'medtext.fineTune'),
  ].map(({ title, target }) => `[${title}](${target})`);
  return new Hover(
    trusted(`**MedText Lab** · ${t('Similarity scores appear here once a model is active.')}\n\n${links.join(' · ')}`),
  );
}

/** In place of a score that would mean nothing. */
function singleTextHover({ t }: Services, modelName: string): Hover {
  const { title, target } = link(t('Choose Active Model'), 'medtext.chooseActiveModel');
  return new Hover(
    trusted(`**MedText Lab** · ${singleTextHint(escapeMarkdown(modelName), t)}\n\n[${title}](${target})`),
  );
}

function link(title: string, command: CommandId, ...parameters: unknown[]): HoverLink {
  // The parameters stand in Markdown: a parenthesis would end the link.
  const encoded = encodeURIComponent(JSON.stringify(parameters)).replace(
    /[()']/g,
    (c) => `%${c.charCodeAt(0).toString(16)}`,
  );
  return { title, target: `command:${command}${parameters.length > 0 ? `?${encoded}` : ''}` };
}

function trusted(text: string): MarkdownString {
  const markdown = new MarkdownString(text);
  const allowed: CommandId[] = [
    'medtext.markEntities',
    'medtext.setReference',
    'medtext.clearReference',
    'medtext.chooseActiveModel',
    'medtext.importModel',
    'medtext.fineTune',
  ];
  markdown.isTrusted = { enabledCommands: allowed };
  return markdown;
}
