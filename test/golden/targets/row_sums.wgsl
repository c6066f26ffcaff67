// The sum of each row of a [3, 64] array: a workgroup a row, halving in workgroup memory.

@group(0) @binding(5) var<storage, read_write> input: array<f32>;
@group(0) @binding(6) var<storage, read_write> work: array<f32>;
var<workgroup> partial: array<f32, 64>;
var<workgroup> unused: array<f32, 3>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane_index: u32) {
  let lane = i32(lane_index);
  let group_x = i32(group.x);
  {
    let i = lane;
    partial[i] = input[group_x * 64 + i];
  }
  workgroupBarrier();
  var half_2 = 32;
  for (var round = 0; round < 6; round += 1) {
    for (var i = lane; i < half_2; i += 64) {
      partial[i] = partial[i] + partial[i + half_2];
    }
    half_2 = half_2 / 2;
    workgroupBarrier();
  }
  if (lane < 1) {
    let i = lane;
    work[group_x] = partial[0];
  }
}
