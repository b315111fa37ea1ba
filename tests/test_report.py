"""The page of a run: whole whatever the folder holds, self-contained, and deaf to what files say."""

import html.parser
import json
import os
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tensorflow as tf

from byol_keras.report import Material, write_report
from byol_keras.training import looking

HOSTILE = '<script>alert("1")</script>&"\''


class Page(html.parser.HTMLParser):
    """What a browser would make of a page: its tags, its text, and the addresses it would ask for."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words, self.headings, self.addresses = [], [], [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        named = {"src", "href", "action", "poster", "srcset", "data"}
        self.addresses += [value for name, value in attributes if name in named]
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)
        if self.open[-1:] == ["h2"]:
            self.headings.append(data)

    @property
    def text(self):
        return " ".join(self.words)


def metrics(count=30, **more):
    lines = [
        {"step": 10 * i, "epoch": i, "seconds": 2.0 * i, "loss": 2 - 0.05 * i, "target_std": 0.8} for i in range(count)
    ]
    return "\n".join(json.dumps(line | more) for line in lines)


def evaluation(**accuracies):
    names = {"raw": "raw pixels"}
    rows = [
        {"representation": names.get(name, name), "judge": "knn", "accuracy": a, "low": a - 0.02, "high": a + 0.02}
        for name, a in accuracies.items()
    ]
    return json.dumps({"test_examples": 2000, "classes": 10, "rows": rows})


def material(count=12, size=6, channels=3, labels=True, **options):
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (count, size, size, channels), dtype="uint8")
    features = generator.normal(size=(count, 5))
    given = {"labels": np.arange(count) % 3 if labels else None, "class_names": ("cat", "dog", HOSTILE)}
    return Material(pictures, features, **(given | options))


def report(folder, sample=None, environment=None, **files):
    for name, content in files.items():
        (folder / name.replace("_", ".")).write_text(content, encoding="utf-8", errors="surrogateescape")
    return Page(Path(write_report(folder, sample, environment=environment)).read_text(encoding="utf-8"))


ORDER = [
    "Evaluation",
    "Training",
    "What the network sees",
    "Nearest neighbours",
    "Map of the features",
    "Skipped",
    "Configuration",
    "Environment",
]


def test_page__shows_its_sections_in_order(tmp_path):
    views = np.random.default_rng(1).uniform(size=(2, 3, 8, 8, 3)).astype("float32")
    page = report(
        tmp_path,
        material(view_pairs=tuple(views)),
        environment={"python": "3.12"},
        metrics_jsonl=metrics(examples_per_second=100.0, waiting=0.05),
        evaluation_json=evaluation(raw=0.3, untrained=0.28, online=0.5),
        config_yaml="data: pictures/\nbatch_size: 64\n",
    )
    assert page.headings == ["It learned", *ORDER]
    facts = {"Steps": "290", "Examples seen": "18,560", "Time": "58 s", "Waiting for data": "5.0%"}
    assert {name: page.words[page.words.index(name) + 1] for name in facts} == facts
    assert sum(tag == "svg" and "aria-label" in attributes for tag, attributes in page.tags) == 3
    assert all(attributes.get("alt") for tag, attributes in page.tags if tag == "img")


def test_page__asks_nobody_for_anything(tmp_path):
    page = report(tmp_path, material(), metrics_jsonl=metrics())
    raw = (tmp_path / "report.html").read_text()
    assert page.addresses
    assert all(address.startswith(("data:image/", "#")) for address in page.addresses)
    assert not any(word in raw for word in ("http:", "https:", "@import", "url(http", "<link", "<script"))


def test_page__text_from_files_stays_text(tmp_path):
    names = [f"{i}{HOSTILE}.png" for i in range(12)]
    page = report(
        tmp_path,
        material(names=names),
        environment={HOSTILE: {HOSTILE: [HOSTILE]}},
        skipped_txt=f"a{HOSTILE}.png\treason{HOSTILE}\n",
        config_yaml=f"data: '{HOSTILE.replace(chr(39), chr(39) * 2)}'\n",
        evaluation_json=json.dumps({"rows": [{"representation": HOSTILE, "judge": HOSTILE, "accuracy": 0.5}]}),
    )
    assert "script" not in {tag for tag, _ in page.tags}
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.text.count(HOSTILE) >= 9
    assert any(HOSTILE in attributes.get("alt", "") for _, attributes in page.tags)


def test_page__undecodable_and_turned_around_names_are_shown_harmlessly(tmp_path):
    names = ["\udcff\x00\x1b[31m", "\u202egpj.exe", *"abcdefghij"]
    page = report(tmp_path, material(names=names, labels=False), skipped_txt="\udcff.png\tbroken\n")
    assert "\ufffd\ufffd\ufffd[31m" in page.text
    assert "\u202e" not in page.text


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"metrics_jsonl": "", "evaluation_json": "", "config_yaml": "", "skipped_txt": "", "environment_json": ""},
        {
            "metrics_jsonl": '\x00\ufffd{"step": 5',
            "evaluation_json": "{",
            "config_yaml": "a: [",
            "environment_json": "[",
        },
        {"metrics_jsonl": '5\n[]\n"x"\n{"step": "7"}\n{"step": 1e400}\n{"loss": 1}', "evaluation_json": "[1]"},
        {"evaluation_json": '{"rows": [1, {}, {"accuracy": "x"}, {"accuracy": NaN}, {"accuracy": 7}], "classes": -3}'},
        {"evaluation_json": '{"rows": {"a": 1}, "classes": "ten", "test_examples": null}', "config_yaml": "- a\n- b"},
        {"evaluation_json": "[" * 100_000, "config_yaml": "[" * 2_000, "environment_json": "7"},
    ],
    ids=["missing", "empty", "cut short", "odd metrics", "odd rows", "odd types", "deep"],
)
def test_page__survives_what_is_broken(tmp_path, files):
    page = report(tmp_path, **files)
    assert page.headings == ["Not judged yet", *ORDER[:2], *ORDER[5:]]
    assert "byol-keras evaluate" in " ".join(page.text.split())


def test_page__counts_by_the_plan_where_the_configuration_left_it_open(tmp_path):
    plan = {"steps_per_epoch": 100, "encoder": "small_resnet", "recipe": {"name": "cpu", "batch_size": 128}}
    files = {"metrics_jsonl": metrics(), "config_yaml": "data: pictures\nbatch_size: null\nencoder: null\n"}
    page = report(tmp_path, plan_json=json.dumps(plan), **files)
    facts = {"Examples seen": "37,120", "Epochs": "2.9", "recipe.batch_size": "128"}
    assert {name: page.words[page.words.index(name) + 1] for name in facts} == facts
    assert "pictures · small_resnet · cpu" in page.words
    assert page.headings[-2:] == ["Plan", "Environment"]


def test_page__leaves_out_the_line_that_was_cut_short(tmp_path):
    whole = report(tmp_path, metrics_jsonl=metrics())
    assert report(tmp_path, metrics_jsonl=metrics() + '\n{"step": 5000, "lo').text == whole.text


@pytest.mark.parametrize("value", ["NaN", "Infinity", "null"])
def test_page__numbers_that_are_not_finite_are_named_and_left_out(tmp_path, value):
    page = report(tmp_path, metrics_jsonl=metrics() + f'\n{{"step": 300, "loss": {value}}}')
    assert "Training broke down" in page.text
    assert "1 of its numbers was not finite" in page.text
    assert "NaN" not in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 13])
@pytest.mark.parametrize("labels", [True, False])
def test_page__takes_pictures_of_any_kind(tmp_path, channels, labels):
    page = report(tmp_path, material(count=4, channels=channels, labels=labels))
    shown = sum(tag == "img" for tag, _ in page.tags)
    assert shown == 4 * 4 + (not labels)
    assert ("share its class" in page.text) == labels


@pytest.mark.parametrize("count", [0, 1, 2, 3])
def test_page__takes_hardly_any_pictures(tmp_path, count):
    page = report(tmp_path, material(count=count))
    assert ("Nearest neighbours" in page.headings) == (count > 1)


@pytest.mark.parametrize("value", [np.nan, 0.0, 1.0])
def test_page__says_where_features_tell_nothing_apart(tmp_path, value):
    page = report(tmp_path, material(), metrics_jsonl=metrics())
    assert "finite features that differ" not in page.text
    sample = Material(np.zeros((60, 4, 4, 3), "uint8"), np.full((60, 5), value))
    text = report(tmp_path, sample).text
    assert "finite features that differ" in text
    assert ("the features are not finite" in text) == np.isnan(value)


def test_page__lists_the_first_skipped_files_and_counts_all(tmp_path):
    page = report(tmp_path, skipped_txt="".join(f"{i}.png\tcut short\n" for i in range(1234)))
    assert "1,234 pictures could not be read" in page.text
    assert page.words.count("cut short") == 20


def test_page__says_where_it_shows_a_part_of_a_list(tmp_path):
    plan = {"words": [f"word{number}" for number in range(1234)], "few": [1, 2]} | {f"k{i}": i for i in range(300)}
    page = report(tmp_path, plan_json=json.dumps(plan))
    assert "word49, … (1,234 in all)" in page.text
    assert "302 settings in all" in page.text
    assert "1, 2" in page.text


def test_page__is_small(tmp_path):
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (45, 224, 224, 3), dtype="uint8")
    sample = Material(pictures, generator.normal(size=(45, 8)), view_pairs=(pictures, pictures))
    report(
        tmp_path, sample, metrics_jsonl=metrics(5000), config_yaml="\n".join(f"k{i}: {'v' * 999}" for i in range(300))
    )
    assert (tmp_path / "report.html").stat().st_size < 3_000_000


def test_write_report__is_the_same_twice_and_leaves_nothing_beside(tmp_path):
    first = report(tmp_path, material(), metrics_jsonl=metrics())
    content = (tmp_path / "report.html").read_bytes()
    assert report(tmp_path, material()).text == first.text
    assert (tmp_path / "report.html").read_bytes() == content
    assert sorted(os.listdir(tmp_path)) == ["metrics.jsonl", "report.html"]


def test_write_report__says_where_the_page_is_in_any_store(tmp_path):
    assert write_report(f"file://{tmp_path}") == f"file://{tmp_path}/report.html"
    assert write_report(tmp_path) == str(tmp_path / "report.html")


def test_write_report__refuses_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="`run` must be an existing run folder"):
        write_report(tmp_path / "nowhere")


def test_write_report__takes_a_title_and_the_recorded_environment(tmp_path):
    (tmp_path / "environment.json").write_text('{"devices": ["CPU:0", "GPU:0"], "memory": {"total": 8}}')
    page = Page(Path(write_report(tmp_path, title="<Best> run")).read_text())
    assert "<Best> run" in page.words
    assert page.words[page.words.index("devices") + 1] == "CPU:0, GPU:0"
    assert page.words[page.words.index("memory.total") + 1] == "8"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("gone"),
        ConnectionError("gone"),
        ImportError("gone"),
        tf.errors.PermissionDeniedError(None, None, "gone"),
    ],
)
def test_report_again__leaves_pictures_out_where_their_data_is_away(error, tmp_path, monkeypatch):
    def opened(*_, **__):
        raise error

    folder = SimpleNamespace(path=str(tmp_path), report=f"{tmp_path}/report.html")
    run = SimpleNamespace(folder=folder, plan=SimpleNamespace(known={}), config=None, model=lambda: None)
    monkeypatch.setattr(looking, "Run", lambda path: run)
    monkeypatch.setattr(looking, "RunData", opened)
    with pytest.warns(UserWarning, match="The page is without pictures: .*gone"):
        assert looking.report_again("run") == f"{tmp_path}/report.html"
    assert (tmp_path / "report.html").exists()
