"""The text of `--export`: which route, and its options, in the one grammar.

float32    int8    int8(input="uint8", raw_input=True)
int8(algorithm="gptq", input="uint8")
int8(precision={"stem|classes": "float32", "block_.*": "int16x8"})
"""

from collections.abc import Mapping

from tfedge import errors, grammar, settings
from tfedge.export import choices, routes
from tfedge.export.route import QUANTIZER, Route

LANGUAGE = grammar.Language("--export", "route", 'int8(input="uint8", raw_input=True)')
_BYTE_BITS = 8
INT8 = "int8"


# Exports of earlier versions, in recipe.json of their releases, are read as what they became.
_RENAMED = {"labels": "metadata"}


@settings.declared
class Export(settings.Settings):
    """How a candidate becomes a .tflite.

    Its `route` is the name of a file in `routes`, which also says what options mean something.

    Raises:
        BadInput: an unknown route, a type the route does not have, or options that contradict
            each other.
    """

    flag = "--export="

    route: str = "float32"
    input: str = settings.setting(
        default="float32",
        kind=settings.Text("a type"),
        help='Type of the (float) inputs. With raw_input also "uint8" and "int8" on any route.',
    )
    output: str = settings.setting(
        default="float32", kind=settings.Text("a type"), help="Type of the (float) outputs."
    )
    raw_input: bool = settings.setting(
        default=False,
        kind=settings.Flag(),
        help="The file takes what the task's data holds before normalisation, so an app can feed "
        'camera bytes; with "int8", bytes minus 128.',
    )
    allow_flex: bool = settings.setting(
        default=False,
        kind=settings.Flag(),
        help="Accept TensorFlow operators that an app needs the Flex delegate for.",
    )
    metadata: bool = settings.setting(
        default=False,
        kind=settings.Flag(),
        help="Store TFLITE_METADATA, which MediaPipe's tasks read: name, kind, normalization, and "
        'the labels as labels.txt. MediaPipe takes "uint8" or "float32" inputs.',
    )
    names: bool = settings.setting(
        default=False,
        kind=settings.Flag(),
        help="Give every tensor a name, none twice, as AI Edge Quantizer and Model Explorer "
        "want it; else only kernels have theirs.",
    )
    few_bit_scales: bool = settings.setting(
        default=True,
        kind=settings.Flag(),
        help="Round scales of kernels and activations to few significant bits where it shows in "
        "the size of the download; channels gain or lose up to 0.8 %.",
    )
    few_bit_biases: bool = settings.setting(
        default=True,
        kind=settings.Flag(),
        help="Zero the low bits of biases where the output cannot tell.",
    )
    cache: int = settings.setting(
        default=0,
        kind=settings.Whole(0),
        help="Of a language model: how many tokens its key/value caches hold. The file then has "
        "the signatures prefill and decode in place of one call for all steps; 0 is that call.",
        unit="tokens",
    )
    prefill: int = settings.setting(
        default=0,
        kind=settings.Whole(0),
        help="With `cache`: how many tokens of a prompt prefill takes at once; 0 is a whole cache.",
        unit="tokens",
    )
    cache_type: str = settings.setting(
        default="activations",
        kind=settings.Choice(("activations", INT8)),
        help='What caches hold: activations as they are, or "int8", a quarter of what floats take.',
    )
    algorithm: str = settings.setting(
        default=choices.PLAIN,
        kind=settings.Choice((choices.PLAIN, "mse", "octav", "gptq")),
        help="How post-training quantization rounds kernels; see `post_training.algorithms`.",
        search=settings.Search(),
    )
    activations: str = settings.setting(
        default="int8",
        kind=settings.Choice(("int8", "float")),
        help="Of kernels in few bits; float ones are quantized on the fly, as on dynamic.",
        search=settings.Search(),
    )
    block_size: int = settings.setting(
        default=0,
        kind=settings.Choice((0, 32, 64, 128, 256)),
        help="Under float activations, one scale for so many weights of a row of a dense layer; "
        "0 is one scale per channel.",
        unit="weights",
        search=settings.Search(when={"activations": ("float",)}),
    )
    precision: str | Mapping[str, str] = settings.setting(
        default="",
        kind=settings.Either(
            (
                settings.Choice(("", choices.AUTO)),
                settings.Table(settings.Text(), '{"layer name": "float32"}'),
            )
        ),
        help="Regular expression of layer names -> precision, the name of a route; the first that "
        "matches a whole name decides, the route where none does. Or auto: as few layers as "
        "possible in a higher one so that `tolerance` is kept.",
    )
    tolerance: float = settings.setting(
        default=0.01,
        kind=settings.Real(above=0, below=1),
        help='What precision="auto" may lose on the validation split: points of accuracy '
        "(0.01 is one), or a share of the float model's value of any other metric.",
    )

    def __post_init__(self) -> None:
        known = routes.names()
        if self.route not in known:
            raise errors.BadInput(
                f"{self.flag}{self.route}",
                f"there is no route {self.route!r}",
                settings.nearest(self.route, known),
            )
        super().__post_init__()
        choices.check(self)

    @property
    def name(self) -> str:
        """As it is written in front of the parentheses."""
        return self.route

    @property
    def facts(self) -> Route:
        """What the file of the route declares."""
        return routes.find(self.route)

    @property
    def has_float_activations(self) -> bool:
        """Whether activations stay float between layers, so that no range of theirs is needed."""
        return not self.facts.activation_bits or self.activations == "float"

    @property
    def has_byte_activations(self) -> bool:
        """Whether activations are integers of 8 bits."""
        return not self.has_float_activations and self.facts.activation_bits == _BYTE_BITS

    @property
    def is_by_quantizer(self) -> bool:
        """Whether it is one that AI Edge Quantizer makes, and TensorFlow's converter cannot.

        TensorFlow operators are the converter's alone.
        """
        routed = self.facts.producer == QUANTIZER and not self.allow_flex
        return routed or self.algorithm != choices.PLAIN or bool(self.precision)

    @property
    def made_input(self) -> str:
        """The type of input to make; `raw_input` puts another in front of it."""
        if not self.raw_input:
            return self.input
        return "int8" if self.facts.activation_bits == _BYTE_BITS else "float32"

    @classmethod
    def parse(cls, text: str) -> "Export":
        """Read the text of `--export`.

        Raises:
            BadInput: not this grammar, or an unknown name, with the nearest one there is.
        """
        call = grammar.read_one(text, LANGUAGE)
        asked = {_RENAMED.get(name, name): value for name, value in call.settings.items()}
        known = [each.name for each in settings.of(cls)]
        for name in asked:
            if name not in known:
                raise errors.BadInput(
                    f"{cls.flag}{call.name}({name}=...)",
                    f"there is no option {name!r}",
                    settings.nearest(name, known),
                )
        return cls(call.name, **asked)

    def to_text(self) -> str:
        """The shortest text that parses to this."""
        return str(self).removesuffix("()")
