/** Codes of instructions (WebAssembly 3.0, section 7.10), for those this target prints. */

/** Instructions of one or two bytes. */
export const plainCodes: Readonly<Record<string, readonly number[]>> = {
  br: [0x0c],
  br_if: [0x0d],
  return: [0x0f],
  call: [0x10],
  call_indirect: [0x11],
  drop: [0x1a],
  select: [0x1b],
  "local.get": [0x20],
  "local.set": [0x21],
  "local.tee": [0x22],
  "global.get": [0x23],
  "global.set": [0x24],
  "i32.load": [0x28],
  "f32.load": [0x2a],
  "i32.store": [0x36],
  "f32.store": [0x38],
  "i32.const": [0x41],
  "i64.const": [0x42],
  "f32.const": [0x43],
  ...from(0x45, "i32.eqz i32.eq i32.ne i32.lt_s i32.lt_u i32.gt_s i32.gt_u i32.le_s i32.le_u i32.ge_s i32.ge_u"),
  ...from(0x5b, "f32.eq f32.ne f32.lt f32.gt f32.le f32.ge"),
  ...from(0x6a, "i32.add i32.sub i32.mul i32.div_s i32.div_u i32.rem_s i32.rem_u i32.and i32.or i32.xor"),
  ...from(0x74, "i32.shl i32.shr_s i32.shr_u"),
  ...from(0x8b, "f32.abs f32.neg f32.ceil f32.floor f32.trunc f32.nearest f32.sqrt"),
  ...from(0x92, "f32.add f32.sub f32.mul f32.div f32.min f32.max f32.copysign"),
  ...from(0xb2, "f32.convert_i32_s f32.convert_i32_u"),
  "i32.reinterpret_f32": [0xbc],
  "f32.reinterpret_i32": [0xbe],
  "i32.trunc_sat_f32_s": [0xfc, 0x00],
  "memory.atomic.notify": [0xfe, 0x00],
  "memory.atomic.wait32": [0xfe, 0x01],
  "i32.atomic.load": [0xfe, 0x10],
  "i32.atomic.store": [0xfe, 0x17],
  "i32.atomic.rmw.add": [0xfe, 0x1e],
};

/** Instructions on vectors: these numbers follow the byte 0xfd. */
export const simdCodes: Readonly<Record<string, number>> = {
  ...vectors(0x00, "v128.load"),
  ...vectors(0x09, "v128.load32_splat v128.load64_splat v128.store v128.const i8x16.shuffle"),
  ...vectors(0x11, "i32x4.splat"),
  ...vectors(0x13, "f32x4.splat"),
  ...vectors(0x1b, "i32x4.extract_lane i32x4.replace_lane"),
  ...vectors(0x1f, "f32x4.extract_lane f32x4.replace_lane"),
  ...vectors(0x37, "i32x4.eq i32x4.ne i32x4.lt_s i32x4.lt_u i32x4.gt_s i32x4.gt_u i32x4.le_s i32x4.le_u i32x4.ge_s"),
  ...vectors(0x41, "f32x4.eq f32x4.ne f32x4.lt f32x4.gt f32x4.le f32x4.ge"),
  ...vectors(0x47, "f64x2.eq f64x2.ne f64x2.lt f64x2.gt f64x2.le f64x2.ge"),
  ...vectors(0x4d, "v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect v128.any_true"),
  ...vectors(0x5c, "v128.load32_zero v128.load64_zero f32x4.demote_f64x2_zero f64x2.promote_low_f32x4"),
  ...vectors(0x67, "f32x4.ceil f32x4.floor f32x4.trunc f32x4.nearest"),
  ...vectors(0x74, "f64x2.ceil f64x2.floor"),
  ...vectors(0x94, "f64x2.nearest"),
  ...vectors(0xa0, "i32x4.abs i32x4.neg"),
  ...vectors(0xab, "i32x4.shl i32x4.shr_s i32x4.shr_u i32x4.add"),
  ...vectors(0xb1, "i32x4.sub"),
  ...vectors(0xb5, "i32x4.mul i32x4.min_s i32x4.min_u i32x4.max_s i32x4.max_u"),
  ...vectors(0xe0, "f32x4.abs f32x4.neg"),
  ...vectors(0xe3, "f32x4.sqrt f32x4.add f32x4.sub f32x4.mul f32x4.div f32x4.min f32x4.max f32x4.pmin f32x4.pmax"),
  ...vectors(0xec, "f64x2.abs f64x2.neg"),
  ...vectors(0xef, "f64x2.sqrt f64x2.add f64x2.sub f64x2.mul f64x2.div f64x2.min f64x2.max f64x2.pmin f64x2.pmax"),
  ...vectors(0xf8, "i32x4.trunc_sat_f32x4_s i32x4.trunc_sat_f32x4_u f32x4.convert_i32x4_s f32x4.convert_i32x4_u"),
  ...vectors(0x105, "f32x4.relaxed_madd f32x4.relaxed_nmadd"),
};

/** Names with consecutive codes. */
function vectors(first: number, names: string): Record<string, number> {
  return Object.fromEntries(names.split(" ").map((name, i) => [name, first + i]));
}

function from(first: number, names: string): Record<string, readonly number[]> {
  return Object.fromEntries(Object.entries(vectors(first, names)).map(([name, code]) => [name, [code]]));
}
