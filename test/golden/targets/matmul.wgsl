// C = A·B with A [8, 20] and B [20, 24]: a workgroup 4 rows, a lane 8 columns.

@group(0) @binding(1) var<storage, read_write> param: array<f32>;
@group(0) @binding(5) var<storage, read_write> input: array<f32>;
@group(0) @binding(6) var<storage, read_write> work: array<f32>;

fn load4_param(i: i32) -> vec4<f32> {
  return vec4<f32>(param[i], param[i + 1], param[i + 2], param[i + 3]);
}

fn store4_work(i: i32, v: vec4<f32>) {
  work[i] = v.x;
  work[i + 1] = v.y;
  work[i + 2] = v.z;
  work[i + 3] = v.w;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane_index: u32) {
  let lane = i32(lane_index);
  let group_x = i32(group.x);
  let row = group_x * 4;
  for (var column = lane * 8; column < 24; column += 512) {
    var sum_0_0 = vec4<f32>(0.0);
    var sum_0_1 = vec4<f32>(0.0);
    var sum_1_0 = vec4<f32>(0.0);
    var sum_1_1 = vec4<f32>(0.0);
    var sum_2_0 = vec4<f32>(0.0);
    var sum_2_1 = vec4<f32>(0.0);
    var sum_3_0 = vec4<f32>(0.0);
    var sum_3_1 = vec4<f32>(0.0);
    for (var k = 0; k < 20; k += 1) {
      let b0 = load4_param(k * 24 + column + 0);
      let b1 = load4_param(k * 24 + column + 4);
      let a0 = vec4<f32>(input[(row + 0) * 20 + k]);
      sum_0_0 = fma(a0, b0, sum_0_0);
      sum_0_1 = fma(a0, b1, sum_0_1);
      let a1 = vec4<f32>(input[(row + 1) * 20 + k]);
      sum_1_0 = fma(a1, b0, sum_1_0);
      sum_1_1 = fma(a1, b1, sum_1_1);
      let a2 = vec4<f32>(input[(row + 2) * 20 + k]);
      sum_2_0 = fma(a2, b0, sum_2_0);
      sum_2_1 = fma(a2, b1, sum_2_1);
      let a3 = vec4<f32>(input[(row + 3) * 20 + k]);
      sum_3_0 = fma(a3, b0, sum_3_0);
      sum_3_1 = fma(a3, b1, sum_3_1);
    }
    store4_work((row + 0) * 24 + column + 0, sum_0_0);
    store4_work((row + 0) * 24 + column + 4, sum_0_1);
    store4_work((row + 1) * 24 + column + 0, sum_1_0);
    store4_work((row + 1) * 24 + column + 4, sum_1_1);
    store4_work((row + 2) * 24 + column + 0, sum_2_0);
    store4_work((row + 2) * 24 + column + 4, sum_2_1);
    store4_work((row + 3) * 24 + column + 0, sum_3_0);
    store4_work((row + 3) * 24 + column + 4, sum_3_1);
  }
}
