/** What a model can be written as; the command line, the scorer process and the editor offer the same. */
export const modelFormats = [
  'huggingface',
  'modelscope',
  'onnx',
  'onnx-fp16',
  'onnx-int8',
  'sentence-transformers',
] as const;
export type ModelFormat = (typeof modelFormats)[number];
