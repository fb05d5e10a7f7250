"""The click model: a convolutional image encoder and a prompt decoder in the `sam1` contract.

The encoder sees the 1024 frame averaged down to 256. Its embedding f32[256, 64, 64] holds, in this order of
channels, 112 of meaning, 48 keys (3 heads of 16), compared by cosine, and 96 of detail: 6 channels at
256x256, packed by pixel unshuffle. The decoder turns prompts into maps (distance, likeness to the clicked
place, cost of the way from the click) and runs a small U-Net over them. Its output is a local linear model
in the detail channels, one for each 2x2 square, like a guided filter (He, Sun and Tang, 2010), so that the
mask's edge follows the image's. Each candidate is cut at the level of its logits for which a small network
expects the highest IoU.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..lite import MEAN as TRUNK_MEAN
from ..lite import STD as TRUNK_STD
from ..lite import Trunk
from ..norms import ConvNorm, Residual
from .data import MEAN, STD

FRAME = 1024
"""Side of the contract's frame; training may use a smaller one, a multiple of 128."""
POOL = 4
PACK = 4
"""Side, in detail pixels, of the square packed into one cell."""
CELL = POOL * PACK
"""Side of a cell in pixels of the frame."""
TRUNK = "lite0"
"""Name of the network trained on ImageNet whose features an encoder may add to its own."""
MEANING, HEADS, KEY, DETAIL = 112, 3, 16, 6
CANDIDATES = 3
NARROW, MIDDLE, WIDE, LATE = 24, 48, 96, 32
LOOKS = HEADS + 1
"""Ways to compare two places: each head of learned keys, and colour."""
PROMPT_MAPS = 12 + 4 * LOOKS
ALL_MAPS = PROMPT_MAPS + 1 + 2 * LOOKS
FIRST_GUESS = (
    *[0.5] * LOOKS,  # likeness to the positive clicks
    *[-0.3] * LOOKS,  # likeness to the negative ones
    *[0.7] * LOOKS,  # likeness to the mask so far
    *[-0.7] * LOOKS,  # likeness to the rest
    *[2.0, -2.0, 1.0, -1.0],  # distance: near and around, positive and negative
    *[2.0, 0.0, 2.0, 0.0],  # box, mask so far, its logits, whether there is one
    *[2.0, -1.0, 0.0, 0.0],  # way from the clicks
)
"""Initial weight of each prompt map, so that training starts from a sensible guess."""

LEVELS = (-4.0, -2.0, -1.0, 0.0, 1.0, 2.0)
"""Logits that a candidate may be cut at: often one click leaves open only how far the object extends."""

HELD_AGAINST_LAST = 0.05
"""Amount by which the expected IoU of the last candidate is too high after the first click.

Measured on train images with the standard protocol's first click, which is less loose than training's. With
this correction the mean IoU of the chosen candidates was 0.524 on 810 masks of photographs and 0.729 on 106
of the sample world, without it 0.498 and 0.717. With later clicks no correction is needed.
"""

SHARPNESS = 3.0
"""How hard colours are binned."""

FAR = 24.0
"""Largest way, in cells, told apart from "cannot be reached"."""


class Context(nn.Module):
    """Adds what the whole image says to each cell."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.narrow = nn.Linear(channels, channels // 2)
        self.widen = nn.Linear(channels // 2, channels)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.widen(F.relu(self.narrow(x.mean((2, 3)))))[:, :, None, None]


class Encoder(nn.Module):
    """Image f32[b, 3, 256, 256], normalised, to embedding f32[b, 256, 64, 64].

    With `trunk`, a network trained on ImageNet also sees the image, and its features are added to the
    encoder's own at each stride on the way up.
    """

    def __init__(self, trunk: bool) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 16, 2)
        self.stage4 = nn.Sequential(ConvNorm(16, 48, 2), nn.ReLU(), Residual(48))
        self.stage8 = nn.Sequential(ConvNorm(48, 96, 2), nn.ReLU(), *(Residual(96) for _ in range(5)))
        self.stage16 = nn.Sequential(ConvNorm(96, 160, 2), nn.ReLU(), *(Residual(160) for _ in range(12)))
        self.stage32 = nn.Sequential(ConvNorm(160, 192, 2), nn.ReLU(), *(Residual(192) for _ in range(8)))
        self.context32 = Context(192)
        self.side32 = ConvNorm(192, 96, size=1)
        self.side16 = ConvNorm(160, 96, size=1)
        self.side8 = ConvNorm(96, 96, size=1)
        self.merge8 = ConvNorm(96, 64)
        self.side4 = ConvNorm(48, 64, size=1)
        self.merge4 = ConvNorm(64, 48)
        self.pack = nn.Conv2d(48, MEANING + HEADS * KEY, 1)
        self.edges = nn.Conv2d(16, 4 * (DETAIL - 3), 1)
        self.trunk = ImageNetTrunk() if trunk else None
        self.joins = nn.ModuleList()
        self.mix16, self.mix8 = nn.Sequential(), nn.Sequential()
        if self.trunk is not None:
            outputs = (64, 96, 96, 96)
            joined = zip(self.trunk.channels(), outputs, strict=True)
            self.joins.extend(ConvNorm(inputs, outputs, size=1) for inputs, outputs in joined)
            self.mix16.extend([Residual(96), Residual(96)])
            self.mix8.append(Residual(96))

    def forward(self, image: Tensor) -> Tensor:
        return self.embed(image)[0]

    def embed(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The embedding, and the 96 channels at stride 16 that distillation reads."""
        stem = F.relu(self.stem(image))
        s4 = self.stage4(stem)
        s8 = self.stage8(s4)
        s16 = self.stage16(s8)
        s32 = self.context32(self.stage32(s16))
        sides = [self.side4(s4), self.side8(s8), self.side16(s16), self.side32(s32)]
        if self.trunk is not None:
            features = zip(self.joins, self.trunk(image), strict=True)
            sides = [side + join(x) for side, (join, x) in zip(sides, features, strict=True)]
        up16 = self.mix16(F.relu(sides[2] + doubled(sides[3])))
        up8 = self.mix8(F.relu(sides[1] + doubled(up16)))
        up4 = F.relu(sides[0] + doubled(F.relu(self.merge8(up8))))
        packed = self.pack(F.relu(self.merge4(up4)))
        fine = torch.cat([image * 0.5, F.pixel_shuffle(self.edges(stem), 2)], 1)
        return torch.cat([packed, F.pixel_unshuffle(fine, 4)], 1), up16


class ImageNetTrunk(Trunk):
    """EfficientNet-Lite0's trunk, from an image with the encoder's normalisation instead of its own."""

    scale: Tensor
    shift: Tensor

    def __init__(self) -> None:
        super().__init__(TRUNK)
        self.register_buffer("scale", torch.from_numpy(STD / TRUNK_STD)[:, None, None], persistent=False)
        shift = torch.from_numpy((MEAN - TRUNK_MEAN) / TRUNK_STD)[:, None, None]
        self.register_buffer("shift", shift, persistent=False)

    def forward(self, image: Tensor) -> list[Tensor]:
        return super().forward(image * self.scale + self.shift)


def doubled(x: Tensor) -> Tensor:
    """Twice the size, bilinear."""
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)


@dataclass
class ImageMaps:
    """Maps that the decoder computes once an image, independent of the prompts."""

    keys: Tensor
    """f32[b, heads, key, cells * cells], unit length."""
    cost: Tensor
    """f32[b, 1, 64, 64], the cost of one step through a cell."""
    early: Tensor
    middle: Tensor
    wide: Tensor
    late: Tensor
    borders: Tensor
    """f32[b, 2, 64, 64]: log difference in colour of each cell to the next right and below, less the mean."""
    packed: Tensor
    """f32[b, 6, 16, 64, 64]: the detail, each cell's 4x4 pixels row by row."""

    def of(self, index: Tensor) -> "ImageMaps":
        """The maps of image `index[i]` for object i; the detail stays by image."""
        return ImageMaps(
            self.keys.index_select(0, index),
            self.cost.index_select(0, index),
            self.early.index_select(0, index),
            self.middle.index_select(0, index),
            self.wide.index_select(0, index),
            self.late.index_select(0, index),
            self.borders.index_select(0, index),
            self.packed,
        )


class Decoder(nn.Module):
    """Decoder from embedding and prompts to the logits f32[b, 3, 256, 256] and expected IoU f32[b, 3]."""

    def __init__(self) -> None:
        super().__init__()
        self.meaning_early = nn.Conv2d(MEANING, NARROW, 1)
        self.meaning_middle = nn.Conv2d(MEANING, MIDDLE, 1)
        self.meaning_wide = nn.Conv2d(MEANING, WIDE, 1)
        self.meaning_late = nn.Conv2d(MEANING, LATE, 1)
        self.meaning_cost = nn.Conv2d(MEANING, 1, 1)
        self.colours = nn.Parameter(torch.randn(KEY, 3))
        self.guess = nn.Conv2d(PROMPT_MAPS, 1, 1)
        self.prompt = nn.Conv2d(ALL_MAPS, NARROW, 1)
        self.down_middle = nn.Conv2d(NARROW, MIDDLE, 3, 2, 1)
        self.body_middle = nn.Conv2d(MIDDLE, MIDDLE, 3, padding=1)
        self.down_wide = nn.Conv2d(MIDDLE, WIDE, 3, 2, 1)
        self.body_wide1 = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.body_wide2 = nn.Conv2d(WIDE, WIDE, 3, padding=1)
        self.context = Context(WIDE)
        self.up_middle = nn.Conv2d(WIDE, MIDDLE, 1)
        self.out_middle = nn.Conv2d(MIDDLE, MIDDLE, 3, padding=1)
        self.up_narrow = nn.Conv2d(MIDDLE, NARROW, 1)
        self.late = nn.Conv2d(NARROW, LATE, 3, padding=1)
        self.late_prompt = nn.Conv2d(ALL_MAPS, LATE, 1, bias=False)
        self.coefficients = nn.Conv2d(LATE, CANDIDATES * (DETAIL + 1), 1)
        self.prior = nn.Conv2d(ALL_MAPS, CANDIDATES * (DETAIL + 1), 1, bias=False)
        self.judge_hidden = nn.Linear(LATE + WIDE + 4 + len(LEVELS), 64)
        self.judge_options = nn.Parameter(torch.zeros(CANDIDATES, len(LEVELS), 64))
        self.judge_first = nn.Parameter(torch.zeros(CANDIDATES, len(LEVELS), 64))
        self.judge = nn.Linear(64, 1)
        with torch.no_grad():
            self.coefficients.weight.mul_(0.3)
            assert self.coefficients.bias is not None and self.meaning_cost.bias is not None
            self.coefficients.bias.zero_()
            self.coefficients.bias[:: DETAIL + 1] = -1.0
            first = torch.tensor(FIRST_GUESS).reshape(1, -1, 1, 1)
            self.prior.weight.zero_()
            self.prior.weight[:: DETAIL + 1, :PROMPT_MAPS] = first
            assert self.guess.bias is not None
            self.guess.weight.copy_(first)
            self.guess.bias.fill_(-1.0)
            self.meaning_cost.bias.fill_(-2.0)

    def forward(
        self, embedding: Tensor, coords: Tensor, labels: Tensor, mask: Tensor, has_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Decodes prompts.

        These are `coords` f32[b, n, 2] (frame), `labels` f32[b, n], `mask` f32[b, 1, 256, 256], `has_mask`
        f32[b].
        """
        image = self.image_maps(embedding)
        coefficients, late, wide = self.answer(image, coords, labels, mask, has_mask)
        logits = packed_model(coefficients, image.packed)
        expected = self.expected_iou(packed_shares(logits), late, wide, image.borders, has_mask)
        held = torch.tensor([0.0] * (CANDIDATES - 1) + [HELD_AGAINST_LAST], device=expected.device)
        best, level = (expected - (held * (1 - has_mask)[:, None])[:, :, None]).max(2)
        cut = logits - torch.tensor(LEVELS, device=logits.device)[level][:, :, None, None, None]
        return F.pixel_shuffle(cut.flatten(1, 2), PACK), best

    def image_maps(self, embedding: Tensor) -> ImageMaps:
        """Splits the embedding and computes all that no prompt changes."""
        meaning = embedding[:, :MEANING]
        keys = embedding[:, MEANING : MEANING + HEADS * KEY].flatten(2).unflatten(1, (HEADS, KEY))
        half = F.avg_pool2d(meaning, 2)
        packed = embedding[:, MEANING + HEADS * KEY :].unflatten(1, (DETAIL, PACK * PACK))
        paint = packed[:, :3].mean(2)
        colour = self.colour_keys(paint.flatten(2))
        return ImageMaps(
            keys=torch.cat([keys / length(keys, 2), colour[:, None]], 1),
            cost=softplus(self.meaning_cost(meaning)),
            early=self.meaning_early(meaning),
            middle=self.meaning_middle(half),
            wide=self.meaning_wide(F.avg_pool2d(half, 2)),
            late=self.meaning_late(meaning),
            borders=borders(paint),
            packed=packed,
        )

    def colour_keys(self, colour: Tensor) -> Tensor:
        """Soft bins of the colours f32[b, 3, cells * cells], in the image's own units: unit length."""
        scaled = own_colours(colour)
        bins = self.colours
        far = (bins * bins).sum(1)[None, :, None] - 2 * (bins @ scaled)
        share = torch.softmax(-SHARPNESS * far, 1)
        return share / length(share, 1)

    def answer(
        self, image: ImageMaps, coords: Tensor, labels: Tensor, mask: Tensor, has_mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the coefficients f32[b, 21, 64, 64], the last features, and the mean of the widest ones."""
        maps = self.prompt_maps(image, coords, labels, mask, has_mask)
        narrow = F.relu(self.prompt(maps) + image.early)
        middle = F.relu(self.down_middle(narrow) + image.middle)
        middle = F.relu(middle + self.body_middle(middle))
        wide = F.relu(self.down_wide(middle) + image.wide)
        wide = F.relu(wide + self.body_wide1(wide))
        wide = self.context(F.relu(wide + self.body_wide2(wide)))
        middle = F.relu(middle + doubled(self.up_middle(wide)))
        middle = F.relu(middle + self.out_middle(middle))
        narrow = F.relu(narrow + doubled(self.up_narrow(middle)))
        late = F.relu(self.late(narrow) + self.late_prompt(maps) + image.late)
        return self.coefficients(late) + self.prior(maps), late, wide.mean((2, 3))

    def prompt_maps(
        self, image: ImageMaps, coords: Tensor, labels: Tensor, mask: Tensor, has_mask: Tensor
    ) -> Tensor:
        """The prompts as f32[b, 37, cells, cells].

        The first 28 say what was given.
        A linear guess from these is compared with the image once more, as GrabCut does (Rother et al., 2004).
        """
        cells = image.early.shape[2]
        cell_x, cell_y = cell_places(cells, coords)
        x = ((coords[:, :, 0:1] + 0.5) / CELL - 0.5).clamp(0, cells - 1)
        y = ((coords[:, :, 1:2] + 0.5) / CELL - 0.5).clamp(0, cells - 1)
        offset_x, offset_y = (cell_x - x).abs(), (cell_y - y).abs()
        hat = F.relu(1 - offset_x) * F.relu(1 - offset_y)
        squared = offset_x * offset_x + offset_y * offset_y
        positive = is_label(labels, 1.0)[:, :, None]
        negative = is_label(labels, 0.0)[:, :, None]
        has_box = is_label(labels, 3.0).amax(1)[:, None, None]

        clicked = hat[:, None] @ image.keys.transpose(2, 3)
        likeness = (clicked / length(clicked, 3)) @ image.keys
        like_positive = most(likeness, positive[:, None])
        like_negative = most(likeness, negative[:, None])
        near = torch.exp(-(squared / 4).clamp(max=30))
        around = torch.exp(-(squared / 128).clamp(max=30))
        around_positive = (around * positive).amax(1, keepdim=True)
        around_negative = (around * negative).amax(1, keepdim=True)
        box = box_map(cell_x, cell_y, x, y, labels) * has_box

        given = has_mask[:, None, None]
        logits = F.avg_pool2d(mask, PACK).clamp(-12, 12).flatten(2) * given
        inside = torch.sigmoid(logits)
        start = has_box * box + (1 - has_box) * around_positive * F.relu(like_positive).mean(1)
        inner = given * inside + (1 - given) * start
        like_both = likeness_to_means(image.keys, torch.cat([inner, 1 - inner], 1))

        ways = self.ways(image.cost, (hat * positive).amax(1, True), (hat * negative).amax(1, True))
        flat = torch.cat(
            [
                like_positive.flatten(1, 2),
                like_negative.flatten(1, 2),
                like_both,
                (near * positive).amax(1, keepdim=True),
                (near * negative).amax(1, keepdim=True),
                around_positive,
                around_negative,
                box,
                inside * given,
                logits * 0.25,
                given.expand(-1, -1, cells * cells),
                torch.exp(ways.flatten(2)),
                ways.flatten(2) / FAR,
            ],
            1,
        )
        first = flat.unflatten(2, (cells, cells))
        guess = torch.sigmoid(self.guess(first).flatten(2))
        again = likeness_to_means(image.keys, torch.cat([guess, 1 - guess], 1))
        return torch.cat([first, torch.cat([guess, again], 1).unflatten(2, (cells, cells))], 1)

    def ways(self, cost: Tensor, positive: Tensor, negative: Tensor) -> Tensor:
        """Minus the cost of the cheapest way from the clicks to each cell: f32[b, 2, 64, 64], at least -FAR.

        A geodesic distance by rounds of pooling, first at half the resolution.
        """
        seeds = torch.cat([positive, negative], 1).unflatten(2, cost.shape[2:])
        coarse_cost = F.max_pool2d(cost, 2) * 2
        way = (F.max_pool2d(seeds, 2) - 1) * FAR
        for _ in range(16):
            way = torch.maximum(way, F.max_pool2d(way, 3, 1, 1) - coarse_cost)
        way = torch.maximum(doubled(way), (seeds - 1) * FAR)
        for _ in range(4):
            way = torch.maximum(way, F.max_pool2d(way, 3, 1, 1) - cost)
        return way.clamp(min=-FAR)

    def expected_iou(
        self, share: Tensor, late: Tensor, wide: Tensor, borders: Tensor, has_mask: Tensor
    ) -> Tensor:
        """Returns the expected IoU f32[b, 3, levels] of the candidates cut at each level, from `shares`.

        The inputs are the features under the mask, its certainty, the growth of its area with the level, how
        well its edge follows borders of colour, and whether this is the first click: then the last candidate
        is worse than with more clicks.
        """
        flat = share.flatten(2)
        area = flat.sum(2, keepdim=True) + 1
        mean = (flat @ late.flatten(2).transpose(1, 2)) / area
        sure = (flat * flat).sum(2, keepdim=True) / area
        across = (share[:, :, :, 1:] - share[:, :, :, :-1]).abs()
        down = (share[:, :, 1:] - share[:, :, :-1]).abs()
        kept = (across * borders[:, 0:1, :, :-1]).sum((2, 3)) + (down * borders[:, 1:2, :-1]).sum((2, 3))
        keeps = (kept / (across.sum((2, 3)) + down.sum((2, 3)) + 0.5))[:, :, None]
        size = (area / flat.shape[2]).sqrt()
        areas = size.unflatten(1, (CANDIDATES, len(LEVELS))).squeeze(3).log()
        growth = areas[:, :, None].expand(-1, -1, len(LEVELS), -1).flatten(1, 2)
        context = wide[:, None].expand(-1, CANDIDATES * len(LEVELS), -1)
        told = self.judge_hidden(torch.cat([mean, context, sure, size, size * size, keeps, growth], 2))
        options = self.judge_options + (1 - has_mask)[:, None, None, None] * self.judge_first
        hidden = F.relu(told.unflatten(1, (CANDIDATES, len(LEVELS))) + options)
        return torch.sigmoid(self.judge(hidden).squeeze(3))


def shares(logits: Tensor, pool: int) -> Tensor:
    """How much of each cell a mask takes, cut at each level.

    f32[b, 3, h, w] to f32[b, 3 * levels, h / pool, w / pool].
    """
    levels = torch.tensor(LEVELS, device=logits.device)[:, None, None]
    return F.avg_pool2d(torch.sigmoid(logits[:, :, None] - levels).flatten(1, 2), pool)


def borders(paint: Tensor) -> Tensor:
    """As in `ImageMaps`, of the cells' colours f32[b, 3, 64, 64]."""
    across = F.pad((paint[:, :, :, 1:] - paint[:, :, :, :-1]).abs().sum(1, keepdim=True), (0, 1))
    down = F.pad((paint[:, :, 1:] - paint[:, :, :-1]).abs().sum(1, keepdim=True), (0, 0, 0, 1))
    unlike = torch.log1p(8 * torch.cat([across, down], 1))
    return unlike - unlike.mean((1, 2, 3), keepdim=True)


def cell_places(cells: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Column and row of each cell, row by row: twice f32[1, 1, cells * cells]."""
    places = torch.arange(cells, device=like.device, dtype=torch.float32)
    row, column = torch.meshgrid(places, places, indexing="ij")
    return column.reshape(1, 1, -1), row.reshape(1, 1, -1)


def box_map(cell_x: Tensor, cell_y: Tensor, x: Tensor, y: Tensor, labels: Tensor) -> Tensor:
    """How much of each cell lies between the corners labelled 2 and 3: f32[b, 1, cells * cells]."""
    first, last = is_label(labels, 2.0)[:, :, None], is_label(labels, 3.0)[:, :, None]
    left, top = (x * first).sum(1, True), (y * first).sum(1, True)
    right, bottom = (x * last).sum(1, True), (y * last).sum(1, True)
    across = (cell_x - left + 0.5).clamp(0, 1) * (right - cell_x + 0.5).clamp(0, 1)
    return across * (cell_y - top + 0.5).clamp(0, 1) * (bottom - cell_y + 0.5).clamp(0, 1)


def own_colours(colour: Tensor) -> Tensor:
    """Normalises colours f32[b, 3, n] by the image's mean and spread, so that brightness has no effect."""
    centred = colour - colour.mean(2, keepdim=True)
    return centred / (centred * centred).mean((1, 2), keepdim=True).add(0.02).sqrt()


def in_squares(packed: Tensor) -> Tensor:
    """Cells' packed pixels f32[b, c, 16, h, w] as 2x2 squares f32[b, c, 4, 2 h, 2 w]."""
    batch, channels, _, rows, columns = packed.shape
    apart = packed.reshape(batch, channels, 2, 2, 2, 2, rows, columns)
    # From (square's row, row in it, square's column, column in it, cell's row, cell's column).
    ordered = apart.permute(0, 1, 3, 5, 6, 2, 7, 4)
    return ordered.reshape(batch, channels, 4, 2 * rows, 2 * columns)


def linear_model(coefficients: Tensor, detail: Tensor) -> Tensor:
    """Returns logits f32[b, 3, n, h, w] of n pixels a place, by an offset and weights of the detail channels.

    Takes coefficients f32[b, 21, h, w] and detail f32[b, 6, n, h, w].
    """
    offset, weights = coefficients.unflatten(1, (-1, DETAIL + 1)).split((1, DETAIL), 2)
    return offset + (weights[:, :, :, None] * detail[:, None]).sum(2)


def packed_model(coefficients: Tensor, packed: Tensor) -> Tensor:
    """Returns `linear_model` of the doubled coefficients, packed like the detail: f32[b, n, 16, h, w].

    Arranging the coefficients of 2x2 squares in cells is a fourth of the work of arranging pixels in squares.
    """
    batch, _, rows, columns = coefficients.shape
    masks = coefficients.shape[1] // (DETAIL + 1)

    def by_square(part: Tensor) -> Tensor:
        # The axes are square's row, row in it, square's column, column in it, cell: a square has one model.
        return quartered(part.flatten(1, 2)).reshape(batch, masks, -1, 2, 1, 2, 1, rows * columns)

    offset, weights = map(by_square, coefficients.unflatten(1, (-1, DETAIL + 1)).split((1, DETAIL), 2))
    pixels = packed.reshape(batch, 1, DETAIL, 2, 2, 2, 2, rows * columns)
    logits = offset.squeeze(2) + (weights * pixels).sum(2)
    return logits.reshape(batch, masks, PACK * PACK, rows, columns)


def packed_shares(logits: Tensor) -> Tensor:
    """As `shares` of the first pixel of each 2x2 square, from packed logits f32[b, 3, 16, h, w]."""
    batch, _, _, rows, columns = logits.shape
    first = logits.reshape(batch, CANDIDATES, 1, 2, 2, 2, 2, rows * columns)[:, :, :, :, 0, :, 0].flatten(
        3, 4
    )
    levels = torch.tensor(LEVELS, device=logits.device)[:, None, None]
    return torch.sigmoid(first - levels).mean(3).reshape(batch, -1, rows, columns)


def quartered(x: Tensor) -> Tensor:
    """`doubled`, but the four values of each place side by side: f32[b, c, h, w] to f32[b, c, 2, 2, h, w]."""
    above, below = torch.cat([x[:, :, :1], x[:, :, :-1]], 2), torch.cat([x[:, :, 1:], x[:, :, -1:]], 2)
    rows = torch.stack([above, below], 2) * 0.25 + x[:, :, None] * 0.75
    left, right = (
        torch.cat(pair, 4) for pair in ((rows[..., :1], rows[..., :-1]), (rows[..., 1:], rows[..., -1:]))
    )
    return torch.stack([left, right], 3) * 0.25 + rows[:, :, :, None] * 0.75


def softplus(x: Tensor) -> Tensor:
    """log(1 + e^x), in operators that every provider has."""
    return F.relu(x) + torch.log(1 + torch.exp(-x.abs()))


def is_label(labels: Tensor, value: float) -> Tensor:
    """1 where a label equals `value`, else 0."""
    return F.relu(1 - (labels - value).abs())


def most(values: Tensor, chosen: Tensor) -> Tensor:
    """The largest of the chosen points' values, at least -1: f32[b, looks, 1, cells * cells]."""
    return ((values + 1) * chosen).amax(2, keepdim=True) - 1


def likeness_to_means(keys: Tensor, weights: Tensor) -> Tensor:
    """Returns cosines of keys and weighted mean keys: f32[b, means * looks, cells * cells], means slowest."""
    mean = (weights[:, None] @ keys.transpose(2, 3)) / (weights.sum(2, keepdim=True)[:, None] + 1)
    return ((mean / length(mean, 3)) @ keys).transpose(1, 2).flatten(1, 2)


def length(x: Tensor, axis: int) -> Tensor:
    """Euclidean length along `axis`, never zero."""
    return (x * x).sum(axis, keepdim=True).add(1e-4).sqrt()
