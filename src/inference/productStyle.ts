/** How a device's graphs write matrix products. */
import { gemmAsMatMul } from '../onnx/gemmAsMatMul';
import type { Model } from '../onnx/model';
import type { FactorType } from '../onnx/operators';
import type { ExecutionDevice } from './session';

/**
 * The precision of matrix products:
 * - `float32`: as PyTorch computes by default.
 * - `tf32`: an NVIDIA GPU reads the factors with 10 bits of mantissa (TensorFloat-32). Elsewhere it equals `float32`.
 * - `float16`: the factors are in half precision, on GPUs. The CPU does not use it.
 */
export type Precision = 'float32' | 'tf32' | 'float16';

export interface ProductStyle {
  readonly factors: FactorType;
  /** Whether Gemm is slow on the device. */
  readonly asMatMul: boolean;
}

export function productStyle(device: ExecutionDevice = 'cpu', precision: Precision = 'float32'): ProductStyle {
  const isHalf = precision === 'float16' && device !== 'cpu';
  return { asMatMul: device === 'webgpu', factors: isHalf ? 'float16' : 'float32' };
}

/** The graph with matrix products in the device's style. To be called once gradients are added. */
export function inStyle(model: Model, style: ProductStyle | undefined): Model {
  return style?.asMatMul ? gemmAsMatMul(model, { leftToo: style.factors === 'float16' }) : model;
}
