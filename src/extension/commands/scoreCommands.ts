import { Range, Selection, Uri, window, type TextEditor } from 'vscode';
import { MedTextError } from '../../base/errors';
import { sentencesOf } from '../hover/sentenceAt';
import type { Services } from '../services';
import { scoringModel, withProgress } from './modelCommands';

const maxSentences = 500;

/** Pins a text that hovers and scores compare with: the argument of a link, else the selection. */
export async function setReference(services: Services, target?: unknown): Promise<void> {
  const text = (typeof target === 'string' ? target : selectedText(window.activeTextEditor)).trim();
  if (text === '') throw new MedTextError('USAGE', services.t('Select the text that shall be the reference.'));
  services.setReference(text);
  const short = text.length > 40 ? `${text.slice(0, 39)}…` : text;
  window.setStatusBarMessage(`$(pin) ${services.t('Reference: {0}', short)}`, 5000);
}

/** One score of the ranked list, and where its text stands. */
interface RankedText {
  readonly label: string;
  readonly description: string;
  readonly range: Range | undefined;
  readonly similarity: number;
}

/**
 * Scores the selection against the pinned reference and every sentence of its document, or several selections pair by
 * pair, most similar first; a choice jumps to the text.
 */
export async function scoreSelection(services: Services): Promise<void> {
  const { t, scoring } = services;
  const editor = window.activeTextEditor;
  const selections = editor?.selections.filter(({ isEmpty }) => !isEmpty) ?? [];
  if (!editor || selections.length === 0) throw new MedTextError('USAGE', t('Select a text to score.'));
  if (!(await scoringModel(services))) return;
  const candidates =
    selections.length > 1 ? pairsOf(editor, selections) : againstDocument(editor, selections[0], scoring.reference);
  if (candidates.length === 0) throw new MedTextError('USAGE', t('There is no other text to compare with.'));
  const scores = await withProgress(services, t('Scoring'), undefined, (signal) =>
    scoring.score(
      candidates.map(({ first, second }) => ({ first, second })),
      signal,
    ),
  );
  const ranked: RankedText[] = candidates
    .map(({ title, range }, index) => ({
      label: `${scores[index].similarity.toFixed(3)}  ${title}`,
      description: Object.entries(scores[index].probabilities)
        .map(([label, probability]) => `${label}: ${(probability * 100).toFixed(0)} %`)
        .join('  '),
      range,
      similarity: scores[index].similarity,
    }))
    .sort((a, b) => b.similarity - a.similarity);
  const choice = await window.showQuickPick(ranked, { title: t('Similarity'), matchOnDescription: true });
  if (choice?.range) await jumpTo(services, editor.document.uri, choice.range);
}

export async function jumpTo(_services: Services, target: unknown, range: unknown): Promise<void> {
  if (!(target instanceof Uri) || !(range instanceof Range)) return;
  const editor = await window.showTextDocument(target);
  editor.selection = new Selection(range.start, range.end);
  editor.revealRange(range);
}

interface Candidate {
  readonly first: string;
  readonly second: string;
  readonly title: string;
  readonly range: Range | undefined;
}

function againstDocument({ document }: TextEditor, selection: Selection, reference: string | undefined): Candidate[] {
  const text = document.getText(selection).trim();
  const start = document.offsetAt(selection.start);
  const end = document.offsetAt(selection.end);
  const whole = document.getText();
  const others = sentencesOf(whole)
    .filter((sentence) => sentence.end <= start || sentence.start >= end)
    .slice(0, maxSentences)
    .map((sentence): Candidate => {
      const second = whole.slice(sentence.start, sentence.end);
      const range = new Range(document.positionAt(sentence.start), document.positionAt(sentence.end));
      return { first: text, second, title: second, range };
    });
  if (reference === undefined) return others;
  return [{ first: reference, second: text, title: `$(pin) ${reference}`, range: undefined }, ...others];
}

function pairsOf({ document }: TextEditor, selections: readonly Selection[]): Candidate[] {
  const texts = selections.map((selection) => document.getText(selection).trim());
  return texts.flatMap((first, i) =>
    texts.slice(i + 1).map((second, offset) => {
      const { start, end } = selections[i + 1 + offset];
      return { first, second, title: `${first} ↔ ${second}`, range: new Range(start, end) };
    }),
  );
}

function selectedText(editor: TextEditor | undefined): string {
  return editor?.document.getText(editor.selection) ?? '';
}
