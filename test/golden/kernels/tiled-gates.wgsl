// y, s, c. A workgroup owns some features of the whole batch.

@group(0) @binding(1) var<storage, read_write> param: array<f32>;
@group(0) @binding(5) var<storage, read_write> input: array<f32>;
@group(0) @binding(6) var<storage, read_write> work: array<f32>;
var<workgroup> left_tile: array<vec4<f32>, 272>;
var<workgroup> right_tile: array<vec4<f32>, 80>;
var<workgroup> shares: array<f32, 256>;

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane_index: u32) {
  let lane = i32(lane_index);
  let group_x = i32(group.x);
  var acc_0 = vec4<f32>(0.0);
  var acc_1 = vec4<f32>(0.0);
  var acc_2 = vec4<f32>(0.0);
  var acc_3 = vec4<f32>(0.0);
  for (var k = 0; k < 100; k += 16) {
    {
      let i = lane;
      let kk = i % 16;
      let block = i / 16;
      let at = k + kk;
      var part = vec4<f32>(0.0);
      if (at < 100) {
        let row = block * 4;
        let x = input[row * 100 + at];
        let row_2 = block * 4 + 1;
        let x_2 = input[row_2 * 100 + at];
        let row_3 = block * 4 + 2;
        let x_3 = input[row_3 * 100 + at];
        let row_4 = block * 4 + 3;
        let x_4 = input[row_4 * 100 + at];
        part = vec4<f32>(x, x_2, x_3, x_4);
      }
      left_tile[kk * 17 + block] = part;
    }
    if (lane < 64) {
      let i_2 = lane;
      let kk_2 = i_2 / 4;
      let block_2 = i_2 % 4;
      let at_2 = k + kk_2;
      var part_2 = vec4<f32>(0.0);
      if (at_2 < 100) {
        let W = param[at_2 * 64 + (group_x * 4 + block_2)];
        let W_2 = param[at_2 * 64 + (group_x * 4 + block_2) + 16];
        let W_3 = param[at_2 * 64 + (group_x * 4 + block_2) + 32];
        let W_4 = param[at_2 * 64 + (group_x * 4 + block_2) + 48];
        part_2 = vec4<f32>(W, W_2, W_3, W_4);
      }
      right_tile[kk_2 * 5 + block_2] = part_2;
    }
    workgroupBarrier();
    {
      let i_3 = lane;
      let slice = i_3 / 64;
      let block_3 = i_3 % 64;
      let row_5 = block_3 / 4;
      let unit = block_3 % 4;
      for (var step = 0; step < 4; step += 1) {
        let kk_3 = slice * 4 + step;
        let a = left_tile[kk_3 * 17 + row_5];
        let b = right_tile[kk_3 * 5 + unit];
        acc_0 = fma(vec4<f32>(a.x), b, acc_0);
        acc_1 = fma(vec4<f32>(a.y), b, acc_1);
        acc_2 = fma(vec4<f32>(a.z), b, acc_2);
        acc_3 = fma(vec4<f32>(a.w), b, acc_3);
      }
    }
    workgroupBarrier();
  }
  {
    let i_4 = lane;
    left_tile[i_4] = acc_0;
  }
  workgroupBarrier();
  {
    let i_5 = lane;
    if (i_5 / 64 == 0) {
      acc_0 = left_tile[i_5] + left_tile[i_5 + 64] + left_tile[i_5 + 128] + left_tile[i_5 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_6 = lane;
    left_tile[i_6] = acc_1;
  }
  workgroupBarrier();
  {
    let i_7 = lane;
    if (i_7 / 64 == 1) {
      let block_4 = i_7 - 64;
      acc_0 = left_tile[block_4] + left_tile[block_4 + 64] + left_tile[block_4 + 128] + left_tile[block_4 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_8 = lane;
    left_tile[i_8] = acc_2;
  }
  workgroupBarrier();
  {
    let i_9 = lane;
    if (i_9 / 64 == 2) {
      let block_5 = i_9 - 128;
      acc_0 = left_tile[block_5] + left_tile[block_5 + 64] + left_tile[block_5 + 128] + left_tile[block_5 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_10 = lane;
    left_tile[i_10] = acc_3;
  }
  workgroupBarrier();
  {
    let i_11 = lane;
    if (i_11 / 64 == 3) {
      let block_6 = i_11 - 192;
      acc_0 = left_tile[block_6] + left_tile[block_6 + 64] + left_tile[block_6 + 128] + left_tile[block_6 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_12 = lane;
    let slice_2 = i_12 / 64;
    let block_7 = i_12 % 64;
    let row_6 = block_7 / 4;
    let unit_2 = block_7 % 4;
    let row_7 = row_6 * 4 + slice_2;
    let pi = acc_0.x;
    let pf = acc_0.y;
    let a_2 = pi * pf;
    let po = acc_0.z;
    let pg = acc_0.w;
    let b_2 = po * pg;
    let c = a_2 + b_2;
    work[row_7 * 16 + (group_x * 4 + unit_2)] = c;
  }
  storageBarrier();
  {
    let i_13 = lane;
    let j = group_x * 4 + i_13 % 4;
    var s = 0.0;
    for (var k_2 = i_13 / 4; k_2 < 64; k_2 += 64) {
      let c_2 = work[k_2 * 16 + j];
      s += c_2;
    }
    shares[i_13] = s;
  }
  workgroupBarrier();
  if (lane < 32) {
    let i_14 = lane;
    var s_2 = 0.0;
    for (var k_3 = i_14 / 4; k_3 < 64; k_3 += 8) {
      s_2 += shares[k_3 * 4 + i_14 % 4];
    }
    shares[i_14 / 4 * 4 + i_14 % 4] = s_2;
  }
  workgroupBarrier();
  if (lane < 4) {
    let i_15 = lane;
    let j_2 = group_x * 4 + i_15;
    var s_3 = 0.0;
    for (var k_4 = 0; k_4 < 8; k_4 += 1) {
      s_3 += shares[k_4 * 4 + i_15];
    }
    work[j_2 + 1024] = s_3;
  }
  storageBarrier();
  {
    let i_16 = lane;
    let j_3 = group_x * 4 + i_16 % 4;
    let b_3 = i_16 / 4;
    let c_3 = work[b_3 * 16 + j_3];
    let s_4 = work[j_3 + 1024];
    let y = c_3 - s_4;
    work[b_3 * 16 + j_3] = y;
  }
}
