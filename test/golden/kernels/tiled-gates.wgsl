// y, s. A workgroup owns some features of the whole batch.

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
  {
    let i = lane;
    var s = 0.0;
    for (var k = i % 64; k < 64; k += 64) {
      var pi = 0.0;
      for (var k_2 = 0; k_2 < 100; k_2 += 1) {
        let x = input[k * 100 + k_2];
        let W = param[k_2 * 64 + (group_x * 4 + i / 64)];
        pi = fma(x, W, pi);
      }
      var pf = 0.0;
      for (var k_3 = 0; k_3 < 100; k_3 += 1) {
        let x_2 = input[k * 100 + k_3];
        let W_2 = param[k_3 * 64 + (group_x * 4 + i / 64) + 16];
        pf = fma(x_2, W_2, pf);
      }
      let a = pi * pf;
      var po = 0.0;
      for (var k_4 = 0; k_4 < 100; k_4 += 1) {
        let x_3 = input[k * 100 + k_4];
        let W_3 = param[k_4 * 64 + (group_x * 4 + i / 64) + 32];
        po = fma(x_3, W_3, po);
      }
      var pg = 0.0;
      for (var k_5 = 0; k_5 < 100; k_5 += 1) {
        let x_4 = input[k * 100 + k_5];
        let W_4 = param[k_5 * 64 + (group_x * 4 + i / 64) + 48];
        pg = fma(x_4, W_4, pg);
      }
      let b = po * pg;
      let c = a + b;
      s += c;
    }
    shares[i] = s;
  }
  workgroupBarrier();
  storageBarrier();
  if (lane < 4) {
    let i_2 = lane;
    var s_2 = 0.0;
    for (var k_6 = 0; k_6 < 64; k_6 += 1) {
      s_2 += shares[i_2 * 64 + k_6];
    }
    work[group_x * 4 + i_2 + 1024] = s_2;
  }
  workgroupBarrier();
  storageBarrier();
  var acc_0 = vec4<f32>(0.0);
  var acc_1 = vec4<f32>(0.0);
  var acc_2 = vec4<f32>(0.0);
  var acc_3 = vec4<f32>(0.0);
  for (var k_7 = 0; k_7 < 100; k_7 += 16) {
    {
      let i_3 = lane;
      let kk = i_3 % 16;
      let block = i_3 / 16;
      let at = k_7 + kk;
      var part = vec4<f32>(0.0);
      if (at < 100) {
        let row = block * 4;
        let x_5 = input[row * 100 + at];
        let row_2 = block * 4 + 1;
        let x_6 = input[row_2 * 100 + at];
        let row_3 = block * 4 + 2;
        let x_7 = input[row_3 * 100 + at];
        let row_4 = block * 4 + 3;
        let x_8 = input[row_4 * 100 + at];
        part = vec4<f32>(x_5, x_6, x_7, x_8);
      }
      left_tile[kk * 17 + block] = part;
    }
    if (lane < 64) {
      let i_4 = lane;
      let kk_2 = i_4 / 4;
      let block_2 = i_4 % 4;
      let at_2 = k_7 + kk_2;
      var part_2 = vec4<f32>(0.0);
      if (at_2 < 100) {
        let W_5 = param[at_2 * 64 + (group_x * 4 + block_2)];
        let W_6 = param[at_2 * 64 + (group_x * 4 + block_2) + 16];
        let W_7 = param[at_2 * 64 + (group_x * 4 + block_2) + 32];
        let W_8 = param[at_2 * 64 + (group_x * 4 + block_2) + 48];
        part_2 = vec4<f32>(W_5, W_6, W_7, W_8);
      }
      right_tile[kk_2 * 5 + block_2] = part_2;
    }
    workgroupBarrier();
    {
      let i_5 = lane;
      let slice = i_5 / 64;
      let block_3 = i_5 % 64;
      let row_5 = block_3 / 4;
      let unit = block_3 % 4;
      for (var step = 0; step < 4; step += 1) {
        let kk_3 = slice * 4 + step;
        let a_2 = left_tile[kk_3 * 17 + row_5];
        let b_2 = right_tile[kk_3 * 5 + unit];
        acc_0 = fma(vec4<f32>(a_2.x), b_2, acc_0);
        acc_1 = fma(vec4<f32>(a_2.y), b_2, acc_1);
        acc_2 = fma(vec4<f32>(a_2.z), b_2, acc_2);
        acc_3 = fma(vec4<f32>(a_2.w), b_2, acc_3);
      }
    }
    workgroupBarrier();
  }
  {
    let i_6 = lane;
    left_tile[i_6] = acc_0;
  }
  workgroupBarrier();
  {
    let i_7 = lane;
    if (i_7 / 64 == 0) {
      acc_0 = left_tile[i_7] + left_tile[i_7 + 64] + left_tile[i_7 + 128] + left_tile[i_7 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_8 = lane;
    left_tile[i_8] = acc_1;
  }
  workgroupBarrier();
  {
    let i_9 = lane;
    if (i_9 / 64 == 1) {
      let block_4 = i_9 - 64;
      acc_0 = left_tile[block_4] + left_tile[block_4 + 64] + left_tile[block_4 + 128] + left_tile[block_4 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_10 = lane;
    left_tile[i_10] = acc_2;
  }
  workgroupBarrier();
  {
    let i_11 = lane;
    if (i_11 / 64 == 2) {
      let block_5 = i_11 - 128;
      acc_0 = left_tile[block_5] + left_tile[block_5 + 64] + left_tile[block_5 + 128] + left_tile[block_5 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_12 = lane;
    left_tile[i_12] = acc_3;
  }
  workgroupBarrier();
  {
    let i_13 = lane;
    if (i_13 / 64 == 3) {
      let block_6 = i_13 - 192;
      acc_0 = left_tile[block_6] + left_tile[block_6 + 64] + left_tile[block_6 + 128] + left_tile[block_6 + 192];
    }
  }
  workgroupBarrier();
  {
    let i_14 = lane;
    let slice_2 = i_14 / 64;
    let block_7 = i_14 % 64;
    let row_6 = block_7 / 4;
    let unit_2 = block_7 % 4;
    let row_7 = row_6 * 4 + slice_2;
    let pi_2 = acc_0.x;
    let pf_2 = acc_0.y;
    let a_3 = pi_2 * pf_2;
    let po_2 = acc_0.z;
    let pg_2 = acc_0.w;
    let b_3 = po_2 * pg_2;
    let c_2 = a_3 + b_3;
    let s_3 = work[group_x * 4 + unit_2 + 1024];
    let y = c_2 - s_3;
    work[row_7 * 16 + (group_x * 4 + unit_2)] = y;
  }
}
