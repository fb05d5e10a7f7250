"""The things of the sample world: Wikidata item, Wikipedia title, and how each one rests."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """One entity and the model that shows it.

    `tilt` is the largest tilt at rest in degrees, `lies` the chance that it lies on its
    side, `face` the largest yaw in degrees away from the camera's side (None: any).
    """

    qid: str
    title: str
    description: str
    model: str
    question: str
    label: str
    tilt: float = 0.0
    lies: float = 0.0
    face: float | None = None
    query: bool = False
    unseen: bool = False


FRUIT = "which fruit is this?"
VEGETABLE = "which vegetable is this?"
FOOD = "which food is this?"
OBJECT = "what is this object?"
SPORT = "which sport is played with this ball?"
GAME = "which game is this piece used in?"
MUSIC = "which instrument is this?"
PLACE = "which landmark is this?"
BODY = "which celestial body is this?"

THINGS: dict[str, Thing] = {
    "apple": Thing(
        "Q89", "Apple", "round edible fruit of an apple tree", "fruit.apple", FRUIT, "an apple", 14
    ),
    "orange": Thing(
        "Q13191", "Orange (fruit)", "citrus fruit of the orange tree", "fruit.orange", FRUIT, "an orange", 180
    ),
    "tangerine": Thing(
        "Q516494",
        "Tangerine",
        "small loose-skinned orange-coloured citrus fruit",
        "fruit.tangerine",
        FRUIT,
        "a tangerine",
        14,
    ),
    "lemon": Thing("Q500", "Lemon", "sour yellow citrus fruit", "fruit.lemon", FRUIT, "a lemon", 8),
    "banana": Thing(
        "Q503",
        "Banana",
        "elongated edible fruit with a yellow peel when ripe",
        "fruit.banana",
        FRUIT,
        "a banana",
    ),
    "strawberry": Thing(
        "Q13158",
        "Strawberry",
        "red edible fruit with its seeds on the outside",
        "fruit.strawberry",
        FRUIT,
        "a strawberry",
    ),
    "pineapple": Thing(
        "Q1493",
        "Pineapple",
        "tropical fruit with a spiny rind and a crown of leaves",
        "fruit.pineapple",
        FRUIT,
        "a pineapple",
    ),
    "avocado": Thing(
        "Q37153", "Avocado", "green buttery fruit with one large stone", "fruit.avocado", FRUIT, "an avocado"
    ),
    "coconut": Thing(
        "Q13187",
        "Coconut",
        "large hard-shelled fruit of the coconut palm",
        "fruit.coconut",
        FRUIT,
        "a coconut",
        180,
        unseen=True,
    ),
    "tennis ball": Thing(
        "Q246514",
        "Tennis ball",
        "felt-covered ball for the sport of tennis",
        "balls.tennis_ball",
        OBJECT,
        "a tennis ball",
        180,
    ),
    "basketball": Thing(
        "Q5372",
        "Basketball",
        "team sport of throwing a ball through a raised hoop",
        "balls.basketball",
        SPORT,
        "a basketball",
        180,
        query=True,
    ),
    "volleyball": Thing(
        "Q1734",
        "Volleyball",
        "team sport of hitting a ball over a net by hand",
        "balls.volleyball",
        SPORT,
        "a volleyball",
        180,
        query=True,
    ),
    "baseball": Thing(
        "Q5369",
        "Baseball",
        "team sport played with a bat and a small stitched ball",
        "balls.baseball",
        SPORT,
        "a baseball",
        180,
        query=True,
    ),
    "golf ball": Thing(
        "Q5377",
        "Golf",
        "sport of hitting a small ball into holes with clubs",
        "balls.golf_ball",
        SPORT,
        "a golf ball",
        180,
        query=True,
        unseen=True,
    ),
    "football": Thing(
        "Q2736",
        "Association football",
        "team sport of kicking a ball into a goal",
        "balls.football",
        SPORT,
        "a football",
        180,
        query=True,
    ),
    "tomato": Thing(
        "Q23501",
        "Tomato",
        "red edible berry of the tomato plant",
        "vegetables.tomato",
        VEGETABLE,
        "a tomato",
        12,
    ),
    "carrot": Thing("Q81", "Carrot", "orange root vegetable", "vegetables.carrot", VEGETABLE, "a carrot"),
    "bell pepper": Thing(
        "Q1548030",
        "Bell pepper",
        "large mild fruit of Capsicum annuum",
        "vegetables.bell_pepper",
        VEGETABLE,
        "a bell pepper",
        0,
        0.5,
    ),
    "pumpkin": Thing(
        "Q165308",
        "Pumpkin",
        "large ribbed orange winter squash",
        "vegetables.pumpkin",
        VEGETABLE,
        "a pumpkin",
        6,
    ),
    "cucumber": Thing(
        "Q23425",
        "Cucumber",
        "long green fruit eaten as a vegetable",
        "vegetables.cucumber",
        VEGETABLE,
        "a cucumber",
    ),
    "onion": Thing(
        "Q23485", "Onion", "bulb vegetable with papery skin", "vegetables.onion", VEGETABLE, "an onion", 15
    ),
    "potato": Thing(
        "Q10998", "Potato", "starchy tuber eaten as a vegetable", "vegetables.potato", VEGETABLE, "a potato"
    ),
    "broccoli": Thing(
        "Q47722",
        "Broccoli",
        "green vegetable with a head of flower buds",
        "vegetables.broccoli",
        VEGETABLE,
        "a broccoli",
        unseen=True,
    ),
    "doughnut": Thing(
        "Q192783",
        "Doughnut",
        "sweet fried ring of dough, often iced",
        "bakery.doughnut",
        FOOD,
        "a doughnut",
        4,
    ),
    "bagel": Thing(
        "Q272502", "Bagel", "ring-shaped bread roll, boiled and then baked", "bakery.bagel", FOOD, "a bagel"
    ),
    "pretzel": Thing(
        "Q160525", "Pretzel", "baked dough shaped into a knot", "bakery.pretzel", FOOD, "a pretzel"
    ),
    "cupcake": Thing(
        "Q816851", "Cupcake", "small iced cake baked in a paper case", "bakery.cupcake", FOOD, "a cupcake"
    ),
    "hamburger": Thing(
        "Q6663", "Hamburger", "patty of ground meat in a sliced bun", "bakery.hamburger", FOOD, "a hamburger"
    ),
    "gingerbread man": Thing(
        "Q2984665",
        "Gingerbread man",
        "biscuit of gingerbread in the shape of a person",
        "bakery.gingerbread_man",
        FOOD,
        "a gingerbread man",
        unseen=True,
    ),
    "pizza": Thing(
        "Q177", "Pizza", "flat baked dough topped with sauce and cheese", "bakery.pizza", FOOD, "a pizza"
    ),
    "teapot": Thing(
        "Q245005", "Teapot", "vessel for steeping and pouring tea", "kitchen.teapot", OBJECT, "a teapot"
    ),
    "kettle": Thing(
        "Q107444", "Kettle", "vessel for boiling water", "kitchen.kettle", OBJECT, "a kettle", unseen=True
    ),
    "spoon": Thing(
        "Q81895", "Spoon", "utensil with a shallow bowl on a handle", "kitchen.spoon", OBJECT, "a spoon"
    ),
    "fork": Thing("Q81881", "Fork", "utensil with tines on a handle", "kitchen.fork", OBJECT, "a fork"),
    "knife": Thing(
        "Q32489", "Knife", "tool with a cutting edge and a handle", "kitchen.knife", OBJECT, "a knife"
    ),
    "vase": Thing(
        "Q191851", "Vase", "open container often used to hold flowers", "kitchen.vase", OBJECT, "a vase"
    ),
    "rolling pin": Thing(
        "Q207763",
        "Rolling pin",
        "cylindrical utensil for flattening dough",
        "kitchen.rolling_pin",
        OBJECT,
        "a rolling pin",
    ),
    "whisk": Thing(
        "Q263057", "Whisk", "wire utensil for beating eggs and cream", "kitchen.whisk", OBJECT, "a whisk"
    ),
    "glass bottle": Thing(
        "Q5567094", "Glass bottle", "bottle made of glass", "kitchen.glass_bottle", OBJECT, "a glass bottle"
    ),
    "bucket": Thing(
        "Q47107", "Bucket", "open watertight container with a handle", "kitchen.bucket", OBJECT, "a bucket"
    ),
    "pencil": Thing(
        "Q14674",
        "Pencil",
        "writing implement with a core in a wooden case",
        "desk.pencil",
        OBJECT,
        "a pencil",
    ),
    "scissors": Thing(
        "Q40847",
        "Scissors",
        "hand-operated cutting tool with two blades",
        "desk.scissors",
        OBJECT,
        "a pair of scissors",
    ),
    "clock": Thing(
        "Q376", "Clock", "instrument that shows the time", "desk.clock", OBJECT, "a clock", 0, 0, 50
    ),
    "book": Thing("Q571", "Book", "bound set of written or printed pages", "desk.book", OBJECT, "a book"),
    "clothespin": Thing(
        "Q267290",
        "Clothespin",
        "fastener that holds washing on a line",
        "desk.clothespin",
        OBJECT,
        "a clothespin",
        unseen=True,
    ),
    "top hat": Thing(
        "Q110304", "Top hat", "tall flat-crowned hat", "desk.top_hat", OBJECT, "a top hat", unseen=True
    ),
    "umbrella": Thing(
        "Q41607", "Umbrella", "folding canopy against rain or sun", "desk.umbrella", OBJECT, "an umbrella"
    ),
    "suitcase": Thing(
        "Q200814",
        "Suitcase",
        "case with a handle for carrying clothes",
        "desk.suitcase",
        OBJECT,
        "a suitcase",
        0,
        0,
        50,
    ),
    "rook": Thing(
        "Q718", "Chess", "board game for two players", "desk.rook", GAME, "a chess rook", 0, 0.2, query=True
    ),
    "pawn": Thing(
        "Q718", "Chess", "board game for two players", "desk.pawn", GAME, "a chess pawn", 0, 0.2, query=True
    ),
    "bishop": Thing(
        "Q718",
        "Chess",
        "board game for two players",
        "desk.bishop",
        GAME,
        "a chess bishop",
        0,
        0.1,
        query=True,
    ),
    "traffic cone": Thing(
        "Q694547",
        "Traffic cone",
        "cone-shaped marker placed on roads",
        "street.traffic_cone",
        OBJECT,
        "a traffic cone",
        0,
        0.08,
    ),
    "fire hydrant": Thing(
        "Q634299",
        "Fire hydrant",
        "outlet from which firefighters draw water",
        "street.fire_hydrant",
        OBJECT,
        "a fire hydrant",
    ),
    "traffic light": Thing(
        "Q8004",
        "Traffic light",
        "signal lamps that control road traffic",
        "street.traffic_light",
        OBJECT,
        "a traffic light",
        0,
        0,
        35,
    ),
    "stop sign": Thing(
        "Q250429",
        "Stop sign",
        "octagonal road sign that orders a stop",
        "street.stop_sign",
        OBJECT,
        "a stop sign",
        0,
        0,
        40,
    ),
    "ladder": Thing("Q168639", "Ladder", "set of rungs for climbing", "street.ladder", OBJECT, "a ladder"),
    "chair": Thing("Q15026", "Chair", "seat for one person with a back", "street.chair", OBJECT, "a chair"),
    "anchor": Thing(
        "Q168432",
        "Anchor",
        "device that holds a vessel to the sea bed",
        "street.anchor",
        OBJECT,
        "an anchor",
        unseen=True,
    ),
    "snowman": Thing(
        "Q483985",
        "Snowman",
        "figure of a person made of snow",
        "street.snowman",
        OBJECT,
        "a snowman",
        0,
        0,
        45,
    ),
    "wheel": Thing(
        "Q446",
        "Wheel",
        "round part that turns on an axle",
        "street.wheel",
        OBJECT,
        "a wheel",
        0,
        0,
        50,
        unseen=True,
    ),
    "guitar": Thing("Q6607", "Guitar", "fretted string instrument", "music.guitar", MUSIC, "a guitar"),
    "violin": Thing(
        "Q8355",
        "Violin",
        "bowed string instrument with four strings",
        "music.violin",
        MUSIC,
        "a violin",
        unseen=True,
    ),
    "great pyramid": Thing(
        "Q37200",
        "Great Pyramid of Giza",
        "largest pyramid of the Giza complex in Egypt",
        "landmarks.great_pyramid",
        PLACE,
        "the great pyramid",
    ),
    "eiffel tower": Thing(
        "Q243",
        "Eiffel Tower",
        "wrought-iron lattice tower in Paris",
        "landmarks.eiffel_tower",
        PLACE,
        "the eiffel tower",
    ),
    "stonehenge": Thing(
        "Q39671",
        "Stonehenge",
        "prehistoric ring of standing stones in England",
        "landmarks.stonehenge",
        PLACE,
        "the stonehenge",
        0,
        0,
        20,
        unseen=True,
    ),
    "lighthouse": Thing(
        "Q39715",
        "Lighthouse",
        "tower with a light that guides ships",
        "landmarks.lighthouse",
        PLACE,
        "a lighthouse",
        0,
        0,
        35,
    ),
    "saturn": Thing(
        "Q193",
        "Saturn",
        "sixth planet from the Sun, with bright rings",
        "space.saturn",
        BODY,
        "the planet saturn",
        0,
        0,
        0,
    ),
    "jupiter": Thing(
        "Q319",
        "Jupiter",
        "fifth planet from the Sun and the largest",
        "space.jupiter",
        BODY,
        "the planet jupiter",
        0,
        0,
        0,
        unseen=True,
    ),
    "mars": Thing(
        "Q111", "Mars", "fourth planet from the Sun", "space.mars", BODY, "the planet mars", 0, 0, 0
    ),
    "moon": Thing("Q405", "Moon", "natural satellite of the Earth", "space.moon", BODY, "the moon", 0, 0, 0),
}

MADE_UP = "made up "


def thing_called(key: str) -> Thing:
    """The thing of that key; "made up 7" is the seventh object that no entity stands for."""
    if not key.startswith(MADE_UP):
        return THINGS[key]
    number = int(key.removeprefix(MADE_UP))
    tilt, lies = ((180.0, 0.0), (5.0, 0.3), (5.0, 0.0))[number % 3]
    name = f"{MADE_UP}{number}"
    return Thing(f"made-up-{number}", name, "", f"made_up.{number}", OBJECT, f"a {name}", tilt, lies)
