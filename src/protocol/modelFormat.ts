/** The export formats, which the command line, the scorer process and the editor share. */
export const modelFormats = [
  'huggingface',
  'modelscope',
  'onnx',
  'onnx-fp16',
  'onnx-int8',
  'sentence-transformers',
] as const;
export type ModelFormat = (typeof modelFormats)[number];
