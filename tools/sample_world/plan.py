"""The list of pictures: place, things, split and camera, all fixed by one seed."""

from __future__ import annotations

from dataclasses import dataclass

SEED = 20261120
WIDTH, HEIGHT = 960, 640


@dataclass(frozen=True)
class Picture:
    """One picture; angles in degrees, None lets the seed choose. `take` re-rolls it."""

    name: str
    split: str
    place: str
    things: tuple[str, ...]
    take: int = 0
    extras: tuple[str, ...] = ()
    crumbs: str = ""
    gap: float = 0.004
    loose: float = 1.0
    elevation: float | None = None
    azimuth: float | None = None
    lens: float | None = None
    fill: float | None = None
    stop: float | None = None
    exposure: float = 0.0

    @property
    def seed(self) -> str:
        """The seed of everything random in this picture."""
        return f"{SEED}/{self.name}/{self.take}"


PICTURES = [
    Picture("world_001", "train", "oak", ("orange", "tangerine", "lemon", "apple"), extras=("plate",)),
    Picture("world_002", "train", "lawn", ("tennis ball", "baseball", "football")),
    Picture("world_003", "train", "counter", ("avocado", "strawberry", "strawberry", "lemon")),
    Picture("world_004", "train", "beach", ("pineapple", "banana", "orange")),
    Picture("world_005", "train", "court", ("basketball", "volleyball", "football")),
    Picture("world_006", "train", "linen", ("tangerine", "tangerine", "orange", "apple", "banana")),
    Picture("world_007", "train", "walnut", ("apple", "lemon", "tennis ball"), exposure=-0.4),
    Picture(
        "world_008", "train", "garden", ("strawberry", "strawberry", "strawberry", "banana", "pineapple")
    ),
    Picture("world_009", "train", "white", ("avocado", "avocado", "lemon", "tangerine")),
    Picture("world_010", "val", "counter", ("apple", "orange", "banana")),
    Picture("world_011", "val", "pavement", ("basketball", "tennis ball")),
    Picture("world_012", "test", "desk", ("tangerine", "orange", "lemon")),
    Picture("world_013", "test", "lawn", ("tennis ball", "football", "golf ball")),
    Picture("world_014", "test", "beach", ("coconut", "volleyball", "pineapple")),
    Picture("world_015", "train", "beach", ("volleyball", "basketball", "baseball")),
    Picture("world_016", "train", "night", ("baseball", "apple", "strawberry")),
    Picture("world_017", "train", "counter", ("tomato", "bell pepper", "carrot", "onion", "knife")),
    Picture("world_018", "train", "oak", ("doughnut", "bagel", "cupcake", "teapot", "spoon")),
    Picture("world_019", "train", "desk", ("pencil", "scissors", "book", "clock"), elevation=30),
    Picture("world_020", "test", "walnut", ("bagel", "doughnut", "pretzel", "cupcake", "hamburger")),
    Picture("world_022", "train", "road", ("traffic cone", "fire hydrant"), gap=0.06),
    Picture("world_023", "train", "space", ("saturn",), elevation=14, fill=0.72, exposure=-1.5),
    Picture("world_024", "train", "desert", ("great pyramid",), elevation=-4, lens=40),
    Picture("world_025", "train", "walnut", ("rook", "bishop", "pawn", "pawn"), elevation=20),
    Picture("world_026", "train", "linen", ("pizza", "fork", "knife", "glass bottle")),
    Picture("world_027", "train", "walnut", ("pretzel", "hamburger", "glass bottle", "bagel", "vase")),
    Picture("world_028", "val", "counter", ("teapot", "kettle", "doughnut", "spoon")),
    Picture("world_029", "train", "white", ("carrot", "onion", "tomato", "bagel"), elevation=33),
    Picture("world_030", "train", "park", ("eiffel tower",), elevation=-8, lens=35, fill=0.84),
    Picture("world_031", "train", "coast", ("lighthouse",), elevation=3, fill=0.62),
    Picture("world_032", "train", "pavement", ("traffic cone", "fire hydrant", "bucket"), gap=0.05),
    Picture("world_033", "train", "counter", ("rolling pin", "whisk", "doughnut", "bell pepper", "cupcake")),
    Picture("world_034", "train", "night", ("book", "clock", "pencil", "teapot"), elevation=26),
    Picture("world_035", "train", "desk", ("rook", "pawn", "pawn", "bishop"), elevation=32),
    Picture("world_036", "train", "linen", ("hamburger", "pretzel", "pizza", "vase")),
    Picture("world_038", "test", "downs", ("stonehenge",), elevation=3, lens=35, fill=0.8),
    Picture("world_039", "train", "space", ("saturn",), elevation=25, fill=0.6, exposure=-1.5),
    Picture("world_040", "train", "desert", ("great pyramid",), elevation=-4, lens=65),
    Picture("world_041", "train", "garden", ("spoon", "fork", "whisk", "rolling pin", "knife"), elevation=34),
    Picture("world_042", "test", "desk", ("rook", "pawn", "bishop")),
    Picture("world_043", "train", "oak", ("scissors", "pencil", "book"), elevation=36),
    Picture("world_044", "train", "garden", ("cucumber", "potato", "glass bottle"), elevation=30),
    Picture("world_045", "test", "park", ("eiffel tower",), elevation=-8, lens=50, fill=0.7),
    Picture("world_046", "train", "park", ("eiffel tower",), elevation=-8, lens=28, fill=0.8),
    Picture("world_047", "train", "coast", ("lighthouse",), elevation=8, fill=0.75),
    Picture("world_048", "test", "coast", ("lighthouse",), elevation=5, fill=0.5),
    Picture("world_049", "test", "beach", ("anchor",), take=1, elevation=42),
    Picture("world_050", "train", "room", ("chair", "suitcase", "guitar", "umbrella"), gap=0.05),
    Picture("world_051", "train", "room", ("guitar", "chair", "vase", "bucket"), gap=0.06),
    Picture("world_052", "train", "pavement", ("suitcase", "umbrella"), gap=0.06),
    Picture("world_053", "train", "field", ("umbrella", "pumpkin", "ladder", "football"), gap=0.1),
    Picture("world_054", "train", "field", ("ladder", "bucket", "pumpkin", "suitcase"), gap=0.1),
    Picture("world_055", "train", "road", ("stop sign", "traffic light"), gap=0.4, elevation=4),
    Picture(
        "world_056", "train", "road", ("traffic light", "stop sign", "traffic cone"), gap=0.3, elevation=5
    ),
    Picture(
        "world_057",
        "test",
        "road",
        ("stop sign", "traffic cone", "fire hydrant"),
        take=1,
        gap=0.2,
        elevation=7,
    ),
    Picture("world_058", "train", "snow", ("snowman",), elevation=8),
    Picture("world_060", "test", "snow", ("snowman",), elevation=5, fill=0.6),
    Picture("world_061", "train", "space", ("moon",), elevation=5, fill=0.5, exposure=-1.5),
    Picture("world_062", "train", "space", ("moon",), elevation=-12, fill=0.58, exposure=-1.5),
    Picture("world_063", "test", "space", ("moon",), elevation=15, fill=0.45, exposure=-1.5),
    Picture("world_064", "test", "space", ("saturn",), elevation=9, fill=0.5, exposure=-1.5),
    Picture("world_065", "test", "desert", ("great pyramid",), elevation=-4, lens=50, fill=0.6),
    Picture("world_066", "val", "space", ("jupiter",), elevation=4, fill=0.55, exposure=-1.5),
    Picture("world_067", "train", "space", ("mars",), elevation=6, fill=0.5, exposure=-1.5),
    Picture("world_068", "train", "space", ("mars",), elevation=-10, fill=0.57, exposure=-1.5),
    Picture("world_069", "test", "space", ("mars",), elevation=16, fill=0.46, exposure=-1.5),
    Picture("world_070", "test", "night", ("clock", "violin", "book"), elevation=28),
    Picture("world_071", "val", "white", ("tomato", "onion", "gingerbread man", "carrot")),
    Picture("world_072", "test", "room", ("guitar", "suitcase", "chair"), gap=0.06),
    Picture("world_073", "val", "desk", ("scissors", "pencil", "pawn", "rook"), elevation=34),
    Picture("world_074", "val", "field", ("umbrella", "pumpkin"), gap=0.1),
    Picture("world_075", "test", "oak", ("orange", "tangerine", "tangerine", "lemon")),
    Picture("world_076", "test", "court", ("basketball", "football", "tennis ball")),
    Picture("world_077", "train", "alcove", ("vase", "clock", "book")),
    Picture("world_078", "train", "alcove", ("teapot", "lemon", "glass bottle")),
    Picture("world_079", "test", "alcove", ("glass bottle", "vase", "apple", "onion")),
    Picture("world_080", "train", "pond", ("orange", "lemon", "apple"), elevation=24),
    Picture("world_081", "test", "pond", ("basketball", "tennis ball", "orange"), elevation=16),
    Picture("world_082", "train", "pond", ("football", "volleyball"), elevation=12),
    Picture("world_083", "train", "rain", ("traffic cone", "umbrella"), gap=0.05),
    Picture("world_084", "test", "rain", ("suitcase", "umbrella", "top hat"), gap=0.05, elevation=14),
    Picture("world_085", "train", "rain", ("fire hydrant", "bucket", "traffic cone"), gap=0.06),
    Picture("world_087", "test", "forest", ("pumpkin", "bucket", "wheel"), gap=0.05),
    Picture("world_089", "train", "alcove", ("rook", "bishop", "pawn", "pawn", "book")),
    Picture("world_090", "test", "alcove", ("pencil", "scissors", "clothespin", "clothespin"), elevation=32),
    Picture("world_091", "test", "oak", ("fork", "spoon", "knife", "pizza"), elevation=36),
    Picture("world_092", "train", "white", ("fork", "spoon", "fork", "spoon"), elevation=38),
    Picture("world_093", "test", "counter", ("whisk", "rolling pin", "bell pepper", "broccoli")),
    Picture("world_094", "train", "counter", ("cucumber", "bell pepper", "potato", "knife")),
    Picture("world_095", "test", "white", ("avocado", "strawberry", "strawberry", "banana")),
    Picture("world_096", "train", "linen", ("strawberry", "avocado", "lemon", "glass bottle")),
    Picture("world_097", "train", "night", ("orange", "tangerine", "lemon", "tennis ball")),
    Picture("world_098", "test", "lawn", ("baseball", "golf ball", "tennis ball")),
    Picture("world_099", "train", "beach", ("football", "bucket"), gap=0.03),
    Picture("world_100", "test", "beach", ("coconut", "banana", "pineapple")),
    Picture("world_101", "test", "beach", ("anchor", "bucket"), gap=0.1, elevation=40),
    Picture("world_102", "val", "beach", ("volleyball", "tennis ball", "baseball")),
    Picture(
        "world_103",
        "val",
        "linen",
        ("gingerbread man", "gingerbread man", "cupcake", "doughnut"),
        elevation=32,
    ),
    Picture("world_104", "val", "counter", ("kettle", "pizza", "knife")),
    Picture("world_105", "val", "space", ("jupiter",), elevation=-12, fill=0.65, exposure=-1.5),
    Picture("world_106", "val", "alcove", ("kettle", "teapot", "orange")),
    Picture("world_107", "val", "rain", ("stop sign", "fire hydrant"), gap=0.15, elevation=6),
    Picture("world_108", "val", "forest", ("pumpkin", "guitar"), gap=0.05),
    Picture("world_109", "train", "court", ("basketball", "tennis ball", "baseball")),
    Picture("world_111", "test", "desk", ("pencil", "scissors", "book", "clothespin"), elevation=33),
    Picture("world_112", "test", "night", ("violin", "top hat", "clock")),
    Picture("world_113", "test", "room", ("guitar", "violin", "chair"), gap=0.05),
    Picture("world_114", "train", "room", ("chair", "guitar", "umbrella", "bucket"), gap=0.05),
    Picture("world_115", "train", "room", ("suitcase", "ladder", "basketball"), gap=0.05),
    Picture("world_116", "test", "room", ("ladder", "chair", "bucket"), gap=0.06),
    Picture("world_117", "test", "road", ("traffic light", "traffic cone"), gap=0.2, elevation=5),
    Picture("world_118", "train", "road", ("traffic light", "fire hydrant"), gap=0.2, elevation=6),
    Picture("world_119", "train", "pavement", ("stop sign", "suitcase"), gap=0.1, elevation=6),
    Picture("world_120", "train", "snow", ("snowman", "umbrella"), gap=0.1, elevation=9),
    Picture("world_122", "train", "coast", ("lighthouse",), elevation=2, lens=85, fill=0.7),
    Picture("world_123", "train", "park", ("eiffel tower",), elevation=-8, lens=65, fill=0.62),
    Picture("world_124", "test", "downs", ("stonehenge",), elevation=9, lens=50, fill=0.85),
    Picture("world_126", "test", "garden", ("hamburger", "doughnut", "bagel", "pretzel")),
    Picture("world_128", "train", "white", ("tomato", "apple", "tomato", "apple")),
    Picture("world_129", "test", "white", ("tomato", "apple", "onion", "potato")),
    Picture("world_131", "train", "oak", ("onion", "potato", "carrot", "cucumber")),
    Picture("world_132", "test", "walnut", ("rook", "bishop", "pawn", "clock"), elevation=18, exposure=0.4),
    Picture("world_133", "train", "walnut", ("pineapple", "banana", "avocado"), exposure=0.7),
    Picture("world_135", "train", "alcove", ("pretzel", "bagel", "doughnut")),
    Picture("world_136", "test", "pond", ("apple", "coconut", "lemon"), elevation=20),
    Picture("world_137", "train", "counter", ("rolling pin", "whisk", "spoon", "potato")),
    Picture("world_138", "test", "counter", ("strawberry", "avocado", "coconut", "lemon")),
    Picture("world_139", "val", "desk", ("clock", "book", "pencil")),
    Picture("world_140", "train", "beach", ("umbrella", "suitcase"), gap=0.05),
    Picture("world_141", "test", "counter", ("carrot", "cucumber", "bell pepper"), elevation=30),
    Picture("world_142", "test", "linen", ("teapot", "cupcake", "spoon"), elevation=24),
    Picture("world_143", "test", "garden", ("cucumber", "teapot", "tomato", "carrot")),
    Picture("world_144", "val", "oak", ("tangerine", "lemon", "pineapple")),
    Picture("world_145", "val", "garden", ("avocado", "strawberry", "cucumber", "bell pepper"), elevation=32),
    Picture("world_146", "val", "linen", ("bagel", "pretzel", "hamburger", "glass bottle"), elevation=26),
    Picture("world_147", "val", "room", ("chair", "bucket", "suitcase", "ladder"), gap=0.05),
    Picture("world_148", "val", "walnut", ("bishop", "rook", "pawn"), elevation=22),
    Picture("world_149", "val", "counter", ("rolling pin", "whisk", "fork", "potato"), elevation=35),
    Picture("world_150", "val", "lawn", ("football", "baseball", "volleyball")),
    Picture("world_151", "val", "road", ("traffic cone", "traffic light"), gap=0.2, elevation=6),
]


def by_name(name: str) -> Picture:
    """The picture called `name`."""
    return next(picture for picture in PICTURES if picture.name == name)
