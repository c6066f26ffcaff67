// hh_m, hh_v. A texel has four neighbours of each.

precision highp float;
precision highp int;
precision highp sampler2D;
precision highp sampler2DArray;

uniform int t;
uniform ivec4 place;
uniform sampler2D hh_in_texture;
uniform sampler2D param_texture;

vec4 out_hh_m;
vec4 out_hh_v;
vec4 out_mul_5;

vec4 load4_hh_in(int i) {
  return texelFetch(hh_in_texture, ivec2((i >> 2) & 7, i >> 5), 0);
}

vec4 load4_param(int i) {
  return texelFetch(param_texture, ivec2((i >> 2) & 2047, i >> 13), 0);
}

void render() {
  int texel = (int(gl_FragCoord.y) - place.y) * place.z + int(gl_FragCoord.x) - place.x;
  if (texel < 0 || texel >= place.w) discard;
  int j = texel * 4;
  vec4 hh_in = load4_hh_in(j);
  vec4 sum = vec4(0.0);
  for (int n = 0; n < 4; n++) {
    vec4 hh_in_2 = load4_hh_in(n * 32 + j);
    vec4 sub = hh_in_2 - hh_in;
    sum += sub;
  }
  vec4 div = sum * vec4(0.25);
  vec4 hh_m = hh_in + div;
  vec4 sum_2 = vec4(0.0);
  for (int n_2 = 0; n_2 < 4; n_2++) {
    vec4 hh_in_3 = load4_hh_in(n_2 * 32 + j);
    vec4 sub_2 = hh_in_3 - hh_m;
    vec4 square = sub_2 * sub_2;
    sum_2 += square;
  }
  vec4 hh_v = sum_2 * vec4(0.25);
  vec4 g = load4_param(j + 416);
  vec4 add = vec4(0.00001) + hh_v;
  vec4 rsqrt = inversesqrt(add);
  vec4 mul = g * rsqrt;
  out_hh_m = hh_m;
  out_hh_v = hh_v;
  out_mul_5 = mul;
}
