import type { PythonExample } from './card';

/** A model of texts in Python, with transformers, up to what `result` makes of its logits. */
export function sequenceExample({ text, maxLength }: PythonExample, result: string): string {
  return [
    'from transformers import AutoModelForSequenceClassification, AutoTokenizer',
    '',
    'tokenizer = AutoTokenizer.from_pretrained("MODEL")',
    'model = AutoModelForSequenceClassification.from_pretrained("MODEL").eval()',
    `inputs = tokenizer(${text}, truncation=True, max_length=${maxLength}, return_tensors="pt")`,
    result,
  ].join('\n');
}
