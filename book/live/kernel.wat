;; The product of two matrices of 32-bit floats, out = A B, a tile of 4 rows and 8 columns at a time: the fast twin of
;; `inTiles` in products.js. `make kernel` turns this text into kernel.wasm.
;;
;; Where rows or columns are no multiple of the tile, the last tile is moved back to end with the matrix, and computes
;; some numbers a second time; nothing is read or written past an end. There must be at least 4 rows and 8 columns.
(module
  (memory (export "memory") 1)
  (func (export "product")
    (param $a i32) (param $aRow i32) (param $aColumn i32)            ;; A: where it begins (bytes), its steps (numbers)
    (param $b i32) (param $out i32)                                  ;; where B and the product begin (bytes)
    (param $rows i32) (param $inner i32) (param $columns i32)        ;; A is (rows, inner), B (inner, columns)
    (local $i i32) (local $j i32) (local $k i32)                     ;; row, column, and the place both have in common
    (local $x i32) (local $y i32) (local $at i32)                    ;; addresses in A, in B, in the product
    (local $left v128) (local $right v128) (local $factor v128)      ;; 8 numbers of a row of B; one of A, four times
    (local $s0 v128) (local $s1 v128) (local $s2 v128) (local $s3 v128)  ;; sums of the tile's rows, columns 0 to 3
    (local $t0 v128) (local $t1 v128) (local $t2 v128) (local $t3 v128)  ;; and columns 4 to 7
    (local $row i32) (local $column i32) (local $width i32)          ;; the steps in bytes; of B and the product, too
    (local.set $row (i32.shl (local.get $aRow) (i32.const 2)))
    (local.set $column (i32.shl (local.get $aColumn) (i32.const 2)))
    (local.set $width (i32.shl (local.get $columns) (i32.const 2)))
    (loop $downwards
      (if (i32.gt_s (local.get $i) (i32.sub (local.get $rows) (i32.const 4)))
        (then (local.set $i (i32.sub (local.get $rows) (i32.const 4)))))
      (local.set $j (i32.const 0))
      (loop $across
        (if (i32.gt_s (local.get $j) (i32.sub (local.get $columns) (i32.const 8)))
          (then (local.set $j (i32.sub (local.get $columns) (i32.const 8)))))
        (local.set $s0 (v128.const i32x4 0 0 0 0)) (local.set $t0 (v128.const i32x4 0 0 0 0))
        (local.set $s1 (v128.const i32x4 0 0 0 0)) (local.set $t1 (v128.const i32x4 0 0 0 0))
        (local.set $s2 (v128.const i32x4 0 0 0 0)) (local.set $t2 (v128.const i32x4 0 0 0 0))
        (local.set $s3 (v128.const i32x4 0 0 0 0)) (local.set $t3 (v128.const i32x4 0 0 0 0))
        (local.set $x (i32.add (local.get $a) (i32.mul (local.get $i) (local.get $row))))
        (local.set $y (i32.add (local.get $b) (i32.shl (local.get $j) (i32.const 2))))
        (local.set $k (local.get $inner))
        (loop $inwards
          (local.set $left (v128.load (local.get $y)))
          (local.set $right (v128.load offset=16 (local.get $y)))
          (local.set $at (local.get $x))
          (local.set $factor (v128.load32_splat (local.get $at)))
          (local.set $s0 (f32x4.add (local.get $s0) (f32x4.mul (local.get $factor) (local.get $left))))
          (local.set $t0 (f32x4.add (local.get $t0) (f32x4.mul (local.get $factor) (local.get $right))))
          (local.set $factor (v128.load32_splat (local.tee $at (i32.add (local.get $at) (local.get $row)))))
          (local.set $s1 (f32x4.add (local.get $s1) (f32x4.mul (local.get $factor) (local.get $left))))
          (local.set $t1 (f32x4.add (local.get $t1) (f32x4.mul (local.get $factor) (local.get $right))))
          (local.set $factor (v128.load32_splat (local.tee $at (i32.add (local.get $at) (local.get $row)))))
          (local.set $s2 (f32x4.add (local.get $s2) (f32x4.mul (local.get $factor) (local.get $left))))
          (local.set $t2 (f32x4.add (local.get $t2) (f32x4.mul (local.get $factor) (local.get $right))))
          (local.set $factor (v128.load32_splat (i32.add (local.get $at) (local.get $row))))
          (local.set $s3 (f32x4.add (local.get $s3) (f32x4.mul (local.get $factor) (local.get $left))))
          (local.set $t3 (f32x4.add (local.get $t3) (f32x4.mul (local.get $factor) (local.get $right))))
          (local.set $x (i32.add (local.get $x) (local.get $column)))
          (local.set $y (i32.add (local.get $y) (local.get $width)))
          (br_if $inwards (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
        (local.set $at (i32.add (local.get $out)
          (i32.shl (i32.add (i32.mul (local.get $i) (local.get $columns)) (local.get $j)) (i32.const 2))))
        (v128.store (local.get $at) (local.get $s0)) (v128.store offset=16 (local.get $at) (local.get $t0))
        (local.set $at (i32.add (local.get $at) (local.get $width)))
        (v128.store (local.get $at) (local.get $s1)) (v128.store offset=16 (local.get $at) (local.get $t1))
        (local.set $at (i32.add (local.get $at) (local.get $width)))
        (v128.store (local.get $at) (local.get $s2)) (v128.store offset=16 (local.get $at) (local.get $t2))
        (local.set $at (i32.add (local.get $at) (local.get $width)))
        (v128.store (local.get $at) (local.get $s3)) (v128.store offset=16 (local.get $at) (local.get $t3))
        (local.set $j (i32.add (local.get $j) (i32.const 8)))
        (br_if $across (i32.lt_s (local.get $j) (local.get $columns))))
      (local.set $i (i32.add (local.get $i) (i32.const 4)))
      (br_if $downwards (i32.lt_s (local.get $i) (local.get $rows))))))
