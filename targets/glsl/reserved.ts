/** Keywords and reserved words of GLSL ES 3.00 (specification, section 3.8). None may be an identifier. */
const words = `
  const uniform layout centroid flat smooth break continue do for while switch case default if else in out inout float int
  void bool true false invariant discard return mat2 mat3 mat4 mat2x2 mat2x3 mat2x4 mat3x2 mat3x3 mat3x4 mat4x2 mat4x3
  mat4x4 vec2 vec3 vec4 ivec2 ivec3 ivec4 bvec2 bvec3 bvec4 uint uvec2 uvec3 uvec4 lowp mediump highp precision sampler2D
  sampler3D samplerCube sampler2DShadow samplerCubeShadow sampler2DArray sampler2DArrayShadow isampler2D isampler3D
  isamplerCube isampler2DArray usampler2D usampler3D usamplerCube usampler2DArray struct

  attribute varying coherent volatile restrict readonly writeonly resource atomic_uint noperspective patch sample
  subroutine common partition active asm class union enum typedef template this goto inline noinline volatile public static
  extern external interface long short double half fixed unsigned superp input output hvec2 hvec3 hvec4 dvec2 dvec3 dvec4
  fvec2 fvec3 fvec4 sampler3DRect filter image1D image2D image3D imageCube iimage1D iimage2D iimage3D iimageCube uimage1D
  uimage2D uimage3D uimageCube image1DArray image2DArray iimage1DArray iimage2DArray uimage1DArray uimage2DArray
  image1DShadow image2DShadow image1DArrayShadow image2DArrayShadow imageBuffer iimageBuffer uimageBuffer sampler1D
  sampler1DShadow sampler1DArray sampler1DArrayShadow isampler1D isampler1DArray usampler1D usampler1DArray sampler2DRect
  sampler2DRectShadow isampler2DRect usampler2DRect samplerBuffer isamplerBuffer usamplerBuffer sampler2DMS isampler2DMS
  usampler2DMS sampler2DMSArray isampler2DMSArray usampler2DMSArray sizeof cast namespace using`;

/** Functions that the printer calls. GLSL lets a local shadow them, which would change the meaning of the printed text. */
const predeclared = `
  abs acos asin atan ceil clamp cos cross degrees determinant distance dot equal exp exp2 floor floatBitsToUint fract
  greaterThan greaterThanEqual inverse inversesqrt isinf isnan length lessThan lessThanEqual log log2 max min mix mod
  normalize not notEqual pow radians reflect round sign sin sinh cosh sqrt step tan tanh texelFetch texture transpose trunc
  uintBitsToFloat main`;

/** What gpu.js 2.24 declares in each of its shaders, among which ours stand. */
const ofGpuJs = `
  LOOP_MAX BIT_COUNT MAGIC_VEC SCALE_FACTOR SCALE_FACTOR_INV actualColor atan2 bitwiseAnd bitwiseNot bitwiseOr
  bitwiseSignedRightShift bitwiseXOR bitwiseZeroFillLeftShift bitwiseZeroFillRightShift cbrt color decode16 decode32 decode8
  divWithIntCheck encode32 expm1 fround get16 get32 get8 getFloatFromSampler2D getImage2D getImage3D getMatrix2 getMatrix3
  getMatrix4 getMemoryOptimized32 getMemoryOptimizedVec2 getMemoryOptimizedVec3 getMemoryOptimizedVec4
  getVec2FromSampler2D getVec3FromSampler2D getVec4FromSampler2D imul index indexTo3D integerCorrectionModulo integerMod
  kernel kernelResult legacyEncode32 log10 log1p modi modulo ratio round threadId uOutputDim uTexSize vTexCoord`;

const split = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The words that can never be identifiers. */
export const reservedWords: readonly string[] = split(words);

/** The words that the printer's identifiers avoid, besides what begins with `gl_`, `webgl_`, `data` or `user_`. */
export const reserved: ReadonlySet<string> = new Set([...reservedWords, ...split(predeclared), ...split(ofGpuJs)]);
