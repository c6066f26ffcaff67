// c_next. A texel has four neighbours of each.

precision highp float;
precision highp int;
precision highp sampler2D;
precision highp sampler2DArray;

uniform int t;
uniform ivec4 place;
uniform int layer_bits;
uniform sampler2D mul_6_texture;
uniform sampler2DArray sigmoid_2_texture;
uniform sampler2DArray tanh_2_texture;

vec4 out_c;

vec4 load4_mul_6(int i) {
  return texelFetch(mul_6_texture, ivec2((i >> 2) & 3, i >> 4), 0);
}

vec4 load4_sigmoid_2(int frame, int i) {
  int layer = frame;
  ivec3 at = ivec3((i >> 2) & 3, (i >> 4) + (layer >> layer_bits) * 2, layer & ((1 << layer_bits) - 1));
  return texelFetch(sigmoid_2_texture, at, 0);
}

vec4 load4_tanh_2(int frame, int i) {
  int layer = frame;
  ivec3 at = ivec3((i >> 2) & 3, (i >> 4) + (layer >> layer_bits) * 2, layer & ((1 << layer_bits) - 1));
  return texelFetch(tanh_2_texture, at, 0);
}

void render() {
  int texel = (int(gl_FragCoord.y) - place.y) * place.z + int(gl_FragCoord.x) - place.x;
  if (texel < 0 || texel >= place.w) discard;
  int j = texel % 2 * 4;
  int b = texel / 2;
  vec4 mul = load4_mul_6(b * 8 + j);
  vec4 sigmoid_2 = load4_sigmoid_2(t, b * 8 + j);
  vec4 tanh_2 = load4_tanh_2(t, b * 8 + j);
  vec4 mul_2 = sigmoid_2 * tanh_2;
  vec4 c_next = mul + mul_2;
  out_c = c_next;
}
