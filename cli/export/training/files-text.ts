/** Python text that reads and writes safetensors files, and orders examples as `cellc train` does. */

export const safetensors = `
DTYPES = {"F32": torch.float32, "I32": torch.int32}


def read_safetensors(path: Path) -> Tuple[Dict[str, Tensor], Dict[str, str]]:
    """The tensors of a file, by name, and its metadata. Numbers are read when they are used."""
    with open(path, "rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, about in header.items():
        start, end = about["data_offsets"]
        dtype, shape = DTYPES[about["dtype"]], about["shape"]
        count = (end - start) // 4
        whole = torch.frombuffer(data, dtype=dtype, count=count, offset=8 + size + start) if count else torch.empty(0, dtype=dtype)
        tensors[name] = whole.reshape(shape)
    return tensors, metadata


def write_safetensors(path: Path, tensors: Dict[str, Tensor], metadata: Dict[str, str]) -> None:
    """Writes a file of f32 so that \`path\` holds the old one or all of the new one, even if the machine stops in between."""
    header, end = {"__metadata__": metadata}, 0
    for name, x in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(x.shape), "data_offsets": [end, end + 4 * x.numel()]}
        end += 4 * x.numel()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    with open(part, "wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for x in tensors.values():
            x = x.detach().to("cpu", torch.float32).contiguous()
            file.write(ctypes.string_at(x.data_ptr(), 4 * x.numel()))
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)
    if os.name == "posix":
        folder = os.open(path.parent, os.O_RDONLY)
        os.fsync(folder)
        os.close(folder)
`;

export const order = `
WORD = 0xFFFFFFFF


def threefry(key: Tuple[int, int], x: Tensor, y: int) -> Tuple[Tensor, Tensor]:
    """Random words by number: Threefry-2x32 of Salmon et al. 2011, as cellc has it. x: [n], below 2³²."""
    words = [key[0], key[1], 0x1BD11BDA ^ key[0] ^ key[1]]
    a, b = (x + words[0]) & WORD, torch.full_like(x, (y + words[1]) & WORD)
    for r in range(20):
        by = (13, 15, 26, 6, 17, 29, 16, 24)[r % 8]
        a = (a + b) & WORD
        b = (((b << by) | (b >> (32 - by))) & WORD) ^ a
        if r % 4 == 3:
            k = r // 4 + 1
            a, b = (a + words[k % 3]) & WORD, (b + words[(k + 1) % 3] + k) & WORD
    return a, b


def shuffled(n: int, seed: int, name: str) -> Tensor:
    """The numbers below n in an order that only depends on the seed and the name, the same as in cellc."""
    fnv = 0x811C9DC5
    for byte in name.encode():
        fnv = ((fnv ^ byte) * 0x01000193) & WORD
    a, b = threefry((seed & WORD, seed >> 32), torch.tensor([fnv]), 0)
    words, _ = threefry((int(a), int(b)), torch.arange(max(0, n - 1)), 0)
    order = list(range(n))
    for i, u in zip(range(n - 1, 0, -1), ((words >> 8).double() * 2.0**-24).tolist()):
        j = min(i, int(u * (i + 1)))
        order[i], order[j] = order[j], order[i]
    return torch.tensor(order, dtype=torch.long)


def sorted_in(pool: int, order: Tensor, lengths: Tensor, batch: int) -> Tensor:
    """Each \`pool\` batches of an order sorted by length."""
    if pool == 1:
        return order
    return torch.cat([part[lengths[part].sort(stable=True)[1]] for part in order.split(pool * batch)])


def waste(order: Tensor, lengths: Tensor, batch: int) -> float:
    """Steps that batches are computed for, divided by those that their examples have."""
    parts = [lengths[part] for part in order.split(batch)]
    return sum(len(n) * int(n.max()) for n in parts) / max(1, sum(int(n.sum()) for n in parts))


def in_pools(order: Tensor, lengths: Optional[Tensor], batch: int) -> Tensor:
    """An order of whole batches in which examples of like length come together, in the smallest pools that waste little."""
    if lengths is None:
        return order
    tried = order[: 64 * batch]
    pools = [pool for pool in (1, 2, 4, 8, 16, 32) if waste(sorted_in(pool, tried, lengths, batch), lengths, batch) <= 1.5]
    return sorted_in(pools[0] if pools else 32, order, lengths, batch)


def order_of(epoch: int, count: int, lengths: Optional[Tensor], batch: int, seed: int) -> Tensor:
    """The batches of an epoch, counted from 0: numbers of examples, [batches, batch]. What does not fill a batch waits for another epoch."""
    groups = count // batch
    order = shuffled(count, seed, f"order/{epoch}")[: groups * batch]
    batches = in_pools(order, lengths, batch).reshape(groups, batch)
    return batches if lengths is None else batches[shuffled(groups, seed, f"batches/{epoch}")]


def in_order(count: int, lengths: Optional[Tensor]) -> Tensor:
    """All examples in their order, or by length where lengths differ."""
    return torch.arange(count) if lengths is None else lengths[:count].sort(stable=True)[1]
`;
