// values. A texel has four neighbours of each.

precision highp float;
precision highp int;
precision highp sampler2D;
precision highp sampler2DArray;

uniform int t;
uniform ivec4 place;
uniform int layer_bits;
uniform sampler2DArray value_texture;
uniform sampler2D param_texture;
uniform sampler2DArray sigmoid_texture;
uniform sampler2D div_texture;
uniform sampler2D input_texture;
uniform sampler2DArray tanh_texture;
uniform sampler2DArray sigmoid_3_texture;

vec4 out_dot;
vec4 out_mul_9;
vec4 out_mul_14;
vec4 out_mul_11;

vec4 load4_value(int frame, int i) {
  int layer = frame >> 1;
  ivec3 at = ivec3((i >> 2) & 7, (i >> 5) + (layer >> layer_bits) * 4, layer & ((1 << layer_bits) - 1));
  return texelFetch(value_texture, at, 0);
}

vec4 load4_param(int i) {
  return texelFetch(param_texture, ivec2((i >> 2) & 2047, i >> 13), 0);
}

vec4 load4_sigmoid(int frame, int i) {
  int layer = frame;
  ivec3 at = ivec3((i >> 2) & 3, (i >> 4) + (layer >> layer_bits) * 2, layer & ((1 << layer_bits) - 1));
  return texelFetch(sigmoid_texture, at, 0);
}

vec4 load4_div(int i) {
  return texelFetch(div_texture, ivec2((i >> 2) & 0, i >> 2), 0);
}
float load_div(int i) {
  return load4_div(i)[i & 3];
}

vec4 load4_input(int i) {
  return texelFetch(input_texture, ivec2((i >> 2) & 2047, i >> 13), 0);
}

vec4 load4_tanh(int frame, int i) {
  int layer = frame;
  ivec3 at = ivec3((i >> 2) & 3, (i >> 4) + (layer >> layer_bits) * 2, layer & ((1 << layer_bits) - 1));
  return texelFetch(tanh_texture, at, 0);
}

vec4 load4_sigmoid_3(int frame, int i) {
  int layer = frame;
  ivec3 at = ivec3((i >> 2) & 3, (i >> 4) + (layer >> layer_bits) * 2, layer & ((1 << layer_bits) - 1));
  return texelFetch(sigmoid_3_texture, at, 0);
}

void render() {
  int texel = (int(gl_FragCoord.y) - place.y) * place.z + int(gl_FragCoord.x) - place.x;
  if (texel < 0 || texel >= place.w) discard;
  int j = texel % 2 * 4;
  int b = texel / 2;
  vec4 sum = vec4(0.0);
  vec4 sum_2 = vec4(0.0);
  vec4 sum_3 = vec4(0.0);
  vec4 sum_4 = vec4(0.0);
  for (int a = 0; a < 32; a += 4) {
    vec4 v = load4_value(t + 1, b * 32 + a);
    vec4 Wh = load4_param(j * 32 + a + 96);
    vec4 Wh_2 = load4_param((j + 1) * 32 + a + 96);
    vec4 Wh_3 = load4_param((j + 2) * 32 + a + 96);
    vec4 Wh_4 = load4_param((j + 3) * 32 + a + 96);
    sum = v * Wh + sum;
    sum_2 = v * Wh_2 + sum_2;
    sum_3 = v * Wh_3 + sum_3;
    sum_4 = v * Wh_4 + sum_4;
  }
  vec4 dot_2 = vec4(dot(sum, vec4(1.0)), dot(sum_2, vec4(1.0)), dot(sum_3, vec4(1.0)), dot(sum_4, vec4(1.0)));
  vec4 v_2 = load4_sigmoid(t, b * 8 + j);
  float div = load_div(0);
  vec4 d_h = load4_input(t * 64 + b * 8 + j);
  vec4 mul = vec4(div) * d_h;
  vec4 add = mul + dot_2;
  vec4 mul_2 = v_2 * add;
  vec4 v_3 = load4_tanh(t, b * 8 + j);
  vec4 square = v_3 * v_3;
  vec4 sub = vec4(1.0) - square;
  vec4 mul_3 = mul_2 * sub;
  vec4 mul_4 = v_3 * add;
  vec4 sub_2 = vec4(1.0) - v_2;
  vec4 mul_5 = v_2 * sub_2;
  vec4 mul_6 = mul_4 * mul_5;
  vec4 v_4 = load4_sigmoid_3(t, b * 8 + j);
  vec4 sub_3 = vec4(1.0) - v_4;
  vec4 mul_7 = v_4 * sub_3;
  out_dot = dot_2;
  out_mul_9 = mul_3;
  out_mul_14 = mul_6;
  out_mul_11 = mul_7;
}
