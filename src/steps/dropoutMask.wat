;; A piece of a dropout mask. Formulas and names: dropoutMasks.ts.
;; Writes `bytes` bytes (a multiple of 32) from address 0: for each of four pairs at a time, `kept` or 0 twice.
;; `npm run kernels` compiles this into dropoutMaskKernel.ts.
(module
  (memory (export "memory") 1)
  (func $round (param $h v128) (result v128)
    (local $product v128)
    (local.set $product
      (i32x4.mul
        (local.get $h)
        (i32x4.add (i32x4.add (local.get $h) (local.get $h)) (i32x4.splat (i32.const 1)))))
    ;; The halves exchanged; the upper one as a quotient that rounds towards zero.
    (i32x4.add
      (i32x4.shl (local.get $product) (i32.const 16))
      (i32x4.shr_s
        (i32x4.add
          (local.get $product)
          (i32x4.shr_u (i32x4.shr_s (local.get $product) (i32.const 31)) (i32.const 16)))
        (i32.const 16))))
  (func (export "fill")
    ;; `counter`: that of the first pair, times the stride.
    (param $bytes i32) (param $counter i32) (param $stride i32) (param $key i32) (param $threshold i32) (param $kept f32)
    (local $address i32) (local $counters v128) (local $bits v128) (local $first v128) (local $second v128)
    (local.set $counters
      (i32x4.add
        (i32x4.splat (local.get $counter))
        (i32x4.mul (v128.const i32x4 0 1 2 3) (i32x4.splat (local.get $stride)))))
    (loop $next
      (local.set $bits
        (call $round
          (i32x4.add
            (call $round (i32x4.add (local.get $counters) (i32x4.splat (local.get $key))))
            (i32x4.splat (local.get $key)))))
      (local.set $first
        (v128.andnot
          (f32x4.splat (local.get $kept))
          (i32x4.lt_s (local.get $bits) (i32x4.splat (local.get $threshold)))))
      (local.set $second
        (v128.andnot
          (f32x4.splat (local.get $kept))
          (i32x4.lt_s (i32x4.shl (local.get $bits) (i32.const 16)) (i32x4.splat (local.get $threshold)))))
      (v128.store (local.get $address)
        (i8x16.shuffle 0 1 2 3 16 17 18 19 4 5 6 7 20 21 22 23 (local.get $first) (local.get $second)))
      (v128.store offset=16 (local.get $address)
        (i8x16.shuffle 8 9 10 11 24 25 26 27 12 13 14 15 28 29 30 31 (local.get $first) (local.get $second)))
      (local.set $counters
        (i32x4.add (local.get $counters) (i32x4.splat (i32.mul (local.get $stride) (i32.const 4)))))
      (local.set $address (i32.add (local.get $address) (i32.const 32)))
      (br_if $next (i32.lt_u (local.get $address) (local.get $bytes))))))
