/** WGSL's keywords and reserved words (WGSL specification, sections 15.1 and 15.2). None may be an identifier. */
const words = `
  alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let loop
  override requires return struct switch true var while

  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become binding_array cast catch
  class co_await co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval
  constexpr constinit crate debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export extends
  extern external fallthrough filter final finally friend from fxgroup get goto groupshared highp impl implements import
  inline instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut mutable namespace new
  nil noexcept noinline nointerpolation non_coherent noncoherent noperspective null nullptr of operator package packoffset
  partition pass patch pixelfragment precise precision premerge priv protected pub public readonly ref regardless register
  reinterpret_cast require resource restrict self set shared sizeof smooth snorm static static_assert static_cast std
  subroutine super target template this thread_local throw trait try type typedef typeid typename typeof union unless
  unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly yield`;

/** Predeclared names that the printer writes. WGSL lets a local shadow them, which would change the meaning of the printed text. */
const predeclared = `
  array atomic bool bitcast f16 f32 i32 u32 vec2 vec3 vec4 vec3u vec4f ptr select abs ceil clamp cos dot exp floor fma
  inverseSqrt log max min pow sign sin sqrt tanh storageBarrier workgroupBarrier workgroup storage uniform function private
  read write read_write subgroupAdd subgroupMax`;

const split = (text: string): readonly string[] => text.trim().split(/\s+/);

/** The words that can never be identifiers. */
export const reservedWords: readonly string[] = split(words);

/** The words that the printer's identifiers avoid. */
export const reserved: ReadonlySet<string> = new Set([...reservedWords, ...split(predeclared)]);
