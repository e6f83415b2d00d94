"""Forward and backward of a micro-batch as one CUDA graph, so that a GPU does not wait for Python.

A step of a small model is a thousand short kernels, and the host needs longer to start one than the
GPU to run it. A CUDA graph is recorded once and then started whole (NVIDIA, CUDA programming guide,
"CUDA Graphs"; PyTorch's notes on CUDA semantics). It has fixed shapes and fixed addresses: there is
one for each shape of a micro-batch, with inputs that are copied to where it reads them.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn

MOST = 64  # graphs of a run; micro-batches of further shapes are computed kernel by kernel


class Graph(NamedTuple):
    """A recorded micro-batch: where it reads its inputs, and where it leaves its loss."""

    recorded: "torch.cuda.CUDAGraph"
    x: Tensor
    y: Tensor
    loss: Tensor


class GraphedGradients:
    """Adds the gradient of loss_sum(x, y) / targets to the parameters of `loss_sum`, by graphs.

    The first micro-batch of a shape is computed kernel by kernel, which also lets the libraries
    choose and set up their kernels; the second is recorded; from then on graphs are started.
    Dropout draws the same masks in all three, as torch's generator counts on through a graph.
    """

    def __init__(self, loss_sum: nn.Module):
        self.loss_sum = loss_sum
        self.parameters = [p for p in loss_sum.parameters() if p.requires_grad]
        self.sums: list[Tensor | None] = [None] * len(self.parameters)  # of gradients
        self.graphs: dict[tuple, Graph | None] = {}  # None: computed once, not yet recorded
        self.targets: Tensor | None = None
        self.stream = torch.cuda.Stream()
        self.pool = torch.cuda.graph_pool_handle()  # no two graphs run at once

    def add(self, pairs: list[tuple[Tensor, Tensor]], targets: Tensor) -> Tensor:
        """Set the parameters' gradients to those of the mean loss over `targets` (a tensor of one
        number) of the micro-batches `pairs`; that mean."""
        if self.targets is None:
            self.targets = targets.clone()
        self.targets.copy_(targets)
        if used := [total for total in self.sums if total is not None]:
            torch._foreach_zero_(used)
        loss = torch.zeros((), device=targets.device)
        for x, y in pairs:
            loss += self.add_part(x, y)
        for parameter, total in zip(self.parameters, self.sums, strict=True):
            parameter.grad = total
        return loss

    def add_part(self, x: Tensor, y: Tensor) -> Tensor:
        """The same for one micro-batch."""
        shape = (*x.shape, *y.shape)
        graph = self.graphs.get(shape)
        if graph is None and shape in self.graphs:
            graph = self.graphs[shape] = self.record(x, y)
        if graph is None:
            if len(self.graphs) < MOST:
                self.graphs[shape] = None
            return self.on_own_stream(x, y)
        graph.x.copy_(x)
        graph.y.copy_(y)
        graph.recorded.replay()
        return graph.loss

    def compute(self, x: Tensor, y: Tensor) -> Tensor:
        """Add the gradient to the sums, kernel by kernel; the loss."""
        loss = self.loss_sum(x, y) / self.targets
        gradients = torch.autograd.grad(loss, self.parameters, allow_unused=True)
        for i, gradient in enumerate(gradients):
            if gradient is not None and self.sums[i] is None:
                self.sums[i] = torch.zeros_like(self.parameters[i])
        pairs = zip(self.sums, gradients, strict=True)
        sums, gradients = zip(*((s, g) for s, g in pairs if g is not None), strict=True)
        torch._foreach_add_(sums, gradients)
        return loss.detach()

    def on_own_stream(self, x: Tensor, y: Tensor) -> Tensor:
        """`compute` on another stream than the default one, as before a recording it must be."""
        self.stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self.stream):
            loss = self.compute(x, y)
        torch.cuda.current_stream().wait_stream(self.stream)
        return loss

    def record(self, x: Tensor, y: Tensor) -> Graph:
        """The graph of the shape of (x, y). Recording runs nothing."""
        x, y, recorded = x.clone(), y.clone(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(recorded, pool=self.pool, stream=self.stream):
            loss = self.compute(x, y)
        return Graph(recorded, x, y, loss)
