"""Misreadings of the paper: wrong choices in what it says (B6 to B8), drawn from hand-ins and from its easily mistaken places."""

LETTERS, BLAS = '{"b", "c", "f", "i"}', '{"a", "c", "f"}'


def _about(letters: str) -> tuple[str, str]:
    return LETTERS, "{" + ", ".join(f'"{c}"' for c in letters) + "}"


def _blas(letters: str) -> tuple[str, str]:
    return BLAS, "{" + ", ".join(f'"{c}"' for c in letters) + "}"


def _case(case: str, right: str, wrong: str) -> tuple[str, str]:
    return f'"{case}": "{right}"', f'"{case}": "{wrong}"'


def _claim(claim: str, right: str, wrong: str) -> tuple[str, str]:
    return f'"{claim}": {right}', f'"{claim}": {wrong}'


ROWS: dict[str, list[tuple[str, ...]]] = {
    "B-about36": [
        ("throughput-for-time", *_about("abfi")),
        ("throughput-for-time", *_about("afi")),
        ("throughput-for-time", *_about("abcfi")),
        ("convolution-alone", *_about("bcdfi")),
        ("fewer-iterations", *_about("bcefi")),
        ("fewer-iterations", *_about("e")),
        ("same-factor-everywhere", *_about("bcfgi")),
        ("percent-of-peak", *_about("bcfhi")),
        ("throughput-missed", *_about("cfi")),
        ("time-missed", *_about("bfi")),
        ("scope-missed", *_about("bci")),
        ("update-missed", *_about("bcf")),
        ("everything-chosen", *_about("abcdefghi")),
        ("unknown-letter", *_about("bckfi")),
        ("still-to-do", LETTERS, "set()"),
    ],
    "B-blas": [
        ("replaces-blas", *_blas("abcf")),
        ("own-layout", *_blas("acdf")),
        ("trains-the-network", *_blas("acef")),
        ("first-implementation", *_blas("acfg")),
        ("primitives-missed", *_blas("cf")),
        ("buffers-missed", *_blas("af")),
        ("frameworks-missed", *_blas("ac")),
        ("everything-chosen", *_blas("abcdefg")),
    ],
    "B-algorithm": [
        ("cudnn-always-fastest", *_case("fastest at mini-batch 128", "direct", "tiled")),
        ("caffe-fastest", *_case("fastest at mini-batch 128", "direct", "explicit")),
        ("fft-measured", *_case("fastest at mini-batch 128", "direct", "fft")),
        ("direct-at-small-batches", *_case("fastest at mini-batch 16", "tiled", "direct")),
        ("caffe-fastest", *_case("fastest at mini-batch 16", "tiled", "explicit")),
        ("same-arithmetic", *_case("least arithmetic for large filters", "fft", "tiled")),
        ("same-arithmetic", *_case("least arithmetic for large filters", "fft", "direct")),
        ("stride-and-direct", *_case("worst choice for strides above 1", "fft", "direct")),
        ("stride-and-lowering", *_case("worst choice for strides above 1", "fft", "explicit")),
        ("matrix-product-unused", *_case("only a fast matrix product, and memory to spare", "explicit", "direct")),
        ("kernel-needed", *_case("only a fast matrix product, and memory to spare", "explicit", "tiled")),
        ("lowered-in-memory", *_case("matrix product speed without a lowered matrix in memory", "tiled", "explicit")),
        ("direct-for-tiled", *_case("matrix product speed without a lowered matrix in memory", "tiled", "direct")),
        ("fft-memory", *_case("matrix product speed without a lowered matrix in memory", "tiled", "fft")),
        ("unknown-word", *_case("fastest at mini-batch 16", "tiled", "winograd")),
        ("still-to-do", *_case("fastest at mini-batch 16", "tiled", "")),
        ("entry-missing", '    "fastest at mini-batch 16": "tiled",\n', ""),
    ],
    "B-claims": [
        ("memory-measured", *_claim("memory consumption falls", '("stated", "abstract")', '("measured", "table 4")')),
        ("memory-argued", *_claim("memory consumption falls", '("stated", "abstract")', '("argued", "abstract")')),
        ("fft-measured", *_claim("the FFT does not suit a general library", '("argued", "section 3")', '("measured", "figure 2")')),
        ("argument-overlooked", *_claim("the FFT does not suit a general library", '("argued", "section 3")', '("stated", "section 3")')),
        ("measurement-overlooked", *_claim("speed holds up at small mini-batches", '("measured", "figure 2")', '("stated", "abstract")')),
        ("measurement-overlooked", *_claim("training in Caffe is faster", '("measured", "table 4")', '("stated", "abstract")')),
        ("cited-elsewhere", *_claim("training in Caffe is faster", '("measured", "table 4")', '("measured", "table 3")')),
        ("cited-elsewhere", *_claim("memory consumption falls", '("stated", "abstract")', '("stated", "section 2")')),
        ("cited-elsewhere", *_claim("speed holds up at small mini-batches", '("measured", "figure 2")', '("measured", "figure 1")')),
        ("lowering-measured", *_claim("explicit lowering needs much memory and traffic", '("argued", "section 3")', '("measured", "table 2")')),
        ("argument-overlooked", *_claim("explicit lowering needs much memory and traffic", '("argued", "section 3")', '("stated", "section 3")')),
        ("future-measured", *_claim("the gap to plain matrix multiplication can be closed", '("stated", "section 6")', '("measured", "table 3")')),
        ("future-argued", *_claim("the gap to plain matrix multiplication can be closed", '("stated", "section 6")', '("argued", "section 6")')),
        ("cited-elsewhere", *_claim("the gap to plain matrix multiplication can be closed", '("stated", "section 6")', '("stated", "section 5")')),
        ("no-such-place", *_claim("training in Caffe is faster", '("measured", "table 4")', '("measured", "table 7")')),
        ("place-not-understood", *_claim("training in Caffe is faster", '("measured", "table 4")', '("measured", "in the paper")')),
        ("unknown-word", *_claim("training in Caffe is faster", '("measured", "table 4")', '("true", "table 4")')),
        ("too-many-places", *_claim("training in Caffe is faster", '("measured", "table 4")', '("measured", "tables 4, 3, 2, 1")')),
        ("entry-incomplete", *_claim("training in Caffe is faster", '("measured", "table 4")', '"measured"')),
        ("entry-missing", '    "memory consumption falls": ("stated", "abstract"),\n', ""),
        ("still-to-do", *_claim("training in Caffe is faster", '("measured", "table 4")', '("", "")')),
    ],
}
