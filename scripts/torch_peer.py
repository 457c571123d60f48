#!/usr/bin/python3
"""The PyTorch side of scripts/bench.sh: the same training step, inference and data pipeline as a PyTorch user would write them.

Needs torch and torchvision for Python 3 (Debian: apt-get install python3-torch python3-torchvision).
    torch_peer.py step   --model small|resnet8|resnet20|resnet18 [--images 128] [--layout nhwc|nchw] [--bf16]   training step, synthetic data
    torch_peer.py infer  --model ... [--batch 256] [--size 32] [--freeze]                                       encoder forward, eval mode (resnet50: 7x7 stem)
    torch_peer.py embed  --data DIR --model resnet18|resnet50 [--size 224] [--workers 2]                        JPEG folder to features
    torch_peer.py loader --data DIR [--size 32] [--workers 2]                                                   two augmented views an image
    torch_peer.py train  --data TRAIN --test TEST --model ... --loss supcon|simclr --epochs E                   a run, then kNN and linear probe
Each prints one JSON object. Two views an image, SGD momentum 0.9, weight decay 1e-4, 2 threads.
For its best speed it wants channels-last (the default here), huge reused allocations and pinned threads: see the settings in bench.sh.
"""
import argparse, json, math, os, resource, statistics, time
import torch, torch.nn as nn, torch.nn.functional as F


class Block(nn.Module):
    def __init__(self, cin, cout, stride):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout)
        self.conv2, self.bn2 = nn.Conv2d(cout, cout, 3, 1, 1, bias=False), nn.BatchNorm2d(cout)
        self.down = None
        if stride != 1 or cin != cout:
            self.down = nn.Sequential(nn.Conv2d(cin, cout, 1, stride, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + (x if self.down is None else self.down(x)))


class ResNet(nn.Module):
    """3x3 stem, no max-pool (the CIFAR form)."""
    def __init__(self, widths, depths):
        super().__init__()
        self.conv1, self.bn1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False), nn.BatchNorm2d(widths[0])
        blocks, cin = [], widths[0]
        for s, (w, d) in enumerate(zip(widths, depths)):
            for i in range(d):
                blocks.append(Block(cin, w, 2 if s and i == 0 else 1)); cin = w
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x):
        return self.blocks(F.relu(self.bn1(self.conv1(x)))).mean((2, 3))


class Small(nn.Module):
    """conv32-BN-ReLU-pool2, conv64-BN-ReLU-pool2, conv128-BN-ReLU, global average pool."""
    def __init__(self):
        super().__init__()
        self.c = nn.ModuleList([nn.Conv2d(i, o, 3, padding=1, bias=False) for i, o in ((3, 32), (32, 64), (64, 128))])
        self.b = nn.ModuleList([nn.BatchNorm2d(o) for o in (32, 64, 128)])

    def forward(self, x):
        for i in range(3):
            x = F.relu(self.b[i](self.c[i](x)))
            if i < 2:
                x = F.max_pool2d(x, 2)
        return x.mean((2, 3))


def encoder(name):
    return {'small': lambda: (Small(), 128), 'resnet8': lambda: (ResNet((16, 32, 64), (1, 1, 1)), 64),
            'resnet20': lambda: (ResNet((16, 32, 64), (3, 3, 3)), 64),
            'resnet18': lambda: (ResNet((64, 128, 256, 512), (2, 2, 2, 2)), 512),
            'resnet50': lambda: (imagenet_resnet50(), 2048)}[name]()


def imagenet_resnet50():
    from torchvision.models import resnet50
    net = resnet50()
    net.fc = nn.Identity()
    return net


class Net(nn.Module):
    def __init__(self, name, out=128):
        super().__init__()
        self.encoder, self.dim = encoder(name)
        self.head = nn.Sequential(nn.Linear(self.dim, self.dim), nn.ReLU(inplace=True), nn.Linear(self.dim, out))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode='fan_out', nonlinearity='relu')

    def forward(self, x):
        return F.normalize(self.head(self.encoder(x)), dim=1)


def supcon(z, groups, tau, base=0.0):
    """L_out (Eq. 2), mean over anchors. z (M,D) unit rows, view-major; groups (M,) label of each row (image index for SimCLR)."""
    m = len(z)
    s = (z @ z.T) / tau
    eye = torch.eye(m, dtype=torch.bool)
    logq = s - torch.logsumexp(s.masked_fill(eye, -math.inf), 1, keepdim=True)
    pos = (groups[:, None] == groups[None]) & ~eye
    loss = -(logq * pos).sum(1) / pos.sum(1)
    return loss.mean() * (tau / base if base else 1.0)


def transform(size, mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010)):
    from torchvision import transforms as T
    return T.Compose([T.RandomResizedCrop(size, scale=(0.2, 1.0)), T.RandomHorizontalFlip(),
                      T.RandomApply([T.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8), T.RandomGrayscale(p=0.2),
                      T.ToTensor(), T.Normalize(mean, std)]), T.Compose([T.Resize((size, size)), T.ToTensor(), T.Normalize(mean, std)])


def unpin(_):
    """OMP_PROC_BIND pins the process that starts the workers to one core; give them all back."""
    os.sched_setaffinity(0, range(os.cpu_count()))


class TwoViews:
    def __init__(self, t):
        self.t = t

    def __call__(self, x):
        return self.t(x), self.t(x)


def put(x, a):
    return x.contiguous(memory_format=torch.channels_last) if a.layout == 'nhwc' else x


def step(a):
    net = Net(a.model)
    net = net.to(memory_format=torch.channels_last) if a.layout == 'nhwc' else net
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    x, y = put(torch.randn(2 * a.images, 3, a.size, a.size), a), torch.randint(0, 10, (a.images,)).repeat(2)
    times = []
    for i in range(a.steps + 3):
        t = time.perf_counter()
        with torch.autocast('cpu', dtype=torch.bfloat16, enabled=a.bf16):
            z = net(x)
        loss = supcon(z.float(), y, 0.1)
        opt.zero_grad(); loss.backward(); opt.step(); loss.item()
        times.append(time.perf_counter() - t)
    med = statistics.median(times[3:])
    return dict(ms=med * 1e3, ms_min=min(times[3:]) * 1e3, views_per_s=2 * a.images / med, images_per_s=a.images / med)


def infer(a):
    enc = Net(a.model).eval().encoder
    enc = enc.to(memory_format=torch.channels_last) if a.layout == 'nhwc' else enc
    x, times = put(torch.randn(a.batch, 3, a.size, a.size), a), []
    if a.freeze:
        enc = torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(enc, x)))
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16, enabled=a.bf16):
        for i in range(a.steps + 3):
            t = time.perf_counter(); enc(x); times.append(time.perf_counter() - t)
    med = statistics.median(times[3:])
    return dict(ms=med * 1e3, images_per_s=a.batch / med)


def embed(a):
    from torchvision import datasets
    enc = Net(a.model).eval().encoder
    enc = enc.to(memory_format=torch.channels_last) if a.layout == 'nhwc' else enc
    ds = datasets.ImageFolder(a.data, transform=transform(a.size)[1])
    t, n = time.perf_counter(), 0
    with torch.no_grad(), torch.autocast('cpu', dtype=torch.bfloat16, enabled=a.bf16):
        for x, _ in torch.utils.data.DataLoader(ds, batch_size=a.batch, num_workers=a.workers, worker_init_fn=unpin):
            n += len(enc(put(x, a)))
    s = time.perf_counter() - t
    return dict(images_per_s=n / s, seconds=s)


def loader(a):
    from torchvision import datasets
    ds = datasets.ImageFolder(a.data, transform=TwoViews(transform(a.size)[0]))
    dl = iter(torch.utils.data.DataLoader(ds, batch_size=64, shuffle=True, num_workers=a.workers, worker_init_fn=unpin))
    for _ in range(2):
        next(dl)
    t, n = time.perf_counter(), 0
    for (v, _), _ in dl:
        n += 2 * len(v)
        if time.perf_counter() - t > 10:
            break
    return dict(views_per_s=n / (time.perf_counter() - t))


def train(a):
    from torchvision import datasets
    torch.manual_seed(a.seed)
    aug, plain = transform(a.size)
    net = Net(a.model)
    net = net.to(memory_format=torch.channels_last) if a.layout == 'nhwc' else net
    opt = torch.optim.SGD(net.parameters(), lr=a.lr, momentum=0.9, weight_decay=1e-4)
    dl = torch.utils.data.DataLoader(datasets.ImageFolder(a.data, transform=TwoViews(aug)), batch_size=a.images, shuffle=True,
                                     drop_last=True, num_workers=a.workers, persistent_workers=True, worker_init_fn=unpin)
    total, it, t0, losses = a.epochs * len(dl), 0, time.perf_counter(), []
    for _ in range(a.epochs):
        run = 0.0
        for (v0, v1), y in dl:
            for g in opt.param_groups:
                g['lr'] = 0.5 * a.lr * (1 + math.cos(math.pi * it / total))
            groups = y if a.loss == 'supcon' else torch.arange(len(y))
            loss = supcon(net(put(torch.cat([v0, v1]), a)), groups.repeat(2), a.temperature, a.base_temperature)
            opt.zero_grad(); loss.backward(); opt.step(); it += 1; run += loss.item()
        losses.append(run / len(dl))
    secs = time.perf_counter() - t0
    net.eval()

    def features(root):
        d = torch.utils.data.DataLoader(datasets.ImageFolder(root, transform=plain), batch_size=256, num_workers=a.workers, worker_init_fn=unpin)
        with torch.no_grad():
            return [torch.cat(c) for c in zip(*[(net.encoder(put(x, a)), y) for x, y in d])]
    (xtr, ytr), (xte, yte) = features(a.data), features(a.test)
    k, ok = min(200, len(xtr)), 0
    bank = F.normalize(xtr)
    for q, y in zip(F.normalize(xte).split(500), yte.split(500)):
        w, ix = (q @ bank.T).topk(k, -1)
        score = torch.zeros(len(q), int(ytr.max()) + 1).scatter_add_(1, ytr[ix], (w / 0.1).exp())
        ok += (score.argmax(1) == y).sum().item()
    mu, sd = xtr.mean(0), xtr.std(0) + 1e-8
    lin = nn.Linear(xtr.shape[1], int(ytr.max()) + 1)
    xs, xt = (xtr - mu) / sd, (xte - mu) / sd
    o = torch.optim.LBFGS(lin.parameters(), max_iter=200, history_size=10, line_search_fn='strong_wolfe')

    def closure():
        o.zero_grad(); l = F.cross_entropy(lin(xs), ytr) + 0.5 / len(xs) * lin.weight.pow(2).sum(); l.backward(); return l
    o.step(closure)
    acc = (lin(xt).argmax(1) == yte).float().mean().item() * 100
    return dict(train_s=secs, losses=losses, knn_top1=100 * ok / len(yte), linear_probe_top1=acc)


p = argparse.ArgumentParser()
p.add_argument('what', choices=['step', 'infer', 'embed', 'loader', 'train'])
for f, d in dict(model='resnet18', layout='nhwc', data='', test='', loss='supcon').items():
    p.add_argument('--' + f, default=d)
for f, d in dict(images=128, batch=256, size=32, steps=8, workers=2, epochs=1, seed=0, threads=2).items():
    p.add_argument('--' + f, type=int, default=d)
for f, d in dict(lr=0.05, temperature=0.1).items():
    p.add_argument('--' + f, type=float, default=d)
p.add_argument('--base-temperature', type=float, default=0.0)
p.add_argument('--freeze', action='store_true', help='JIT-trace and freeze (infer)')
p.add_argument('--bf16', action='store_true', help='bfloat16 autocast (step and infer)')
a = p.parse_args()
torch.set_num_threads(a.threads); torch.manual_seed(a.seed)
r = dict(what=a.what, model=a.model, layout=a.layout, threads=a.threads, bf16=a.bf16)
r.update({'step': step, 'infer': infer, 'embed': embed, 'loader': loader, 'train': train}[a.what](a))
r['peak_rss_mib'] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(json.dumps(r))
