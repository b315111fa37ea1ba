"""What TensorFlow Serving and its clients exchange with an export, message by message."""

import base64
import json

import keras
import numpy as np
import pytest
import tensorflow as tf
from builders import mlp_encoder, moved, pictures, vectors

import byol_keras as bk
from byol_keras.export import saved_model

apis = pytest.importorskip("tensorflow_serving.apis")

IMAGES = pictures(3)
FILES = [tf.io.encode_png(image).numpy() for image in IMAGES]


@pytest.fixture(scope="module")
def encoder():
    keras.utils.set_random_seed(0)
    return moved(bk.encoders.small_resnet((16, 16, 3), widths=(8, 16)))


@pytest.fixture(scope="module")
def folder(encoder, tmp_path_factory):
    return saved_model(encoder, tmp_path_factory.mktemp("models") / "encoder", warmup=IMAGES)


@pytest.fixture(scope="module")
def wanted(encoder):
    return bk.evaluation.extract_features(encoder, IMAGES)


def served(folder, request):
    """What a server does with a request: tensors by name into the signature, its outputs into a response."""
    from tensorflow_serving.apis import predict_pb2

    signature = tf.saved_model.load(folder).signatures[request.model_spec.signature_name or "serving_default"]
    outputs = signature(**{name: tf.constant(tf.make_ndarray(tensor)) for name, tensor in request.inputs.items()})
    response = predict_pb2.PredictResponse()
    for name, tensor in outputs.items():
        response.outputs[name].CopyFrom(tf.make_tensor_proto(tensor.numpy()))
    return predict_pb2.PredictResponse.FromString(response.SerializeToString())


@pytest.mark.parametrize(
    ("signature", "inputs"),
    [
        ("serving_default", {"pixels": IMAGES / np.float32(255)}),
        ("serving_uint8", {"pixels": IMAGES}),
        ("serving_bytes", {"image_bytes": np.array(FILES, dtype=object)}),
    ],
)
def test_requests__as_messages(folder, wanted, signature, inputs):
    from tensorflow_serving.apis import predict_pb2

    request = predict_pb2.PredictRequest()
    request.model_spec.name, request.model_spec.signature_name = "encoder", signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values))
    response = served(folder, predict_pb2.PredictRequest.FromString(request.SerializeToString()))
    np.testing.assert_allclose(tf.make_ndarray(response.outputs["representation"]), wanted, atol=1e-6)


def as_tensors(body, signature):
    """JSON of TensorFlow Serving's REST interface as the tensors of a signature: rows, columns, or bare values."""
    specs = signature.structured_input_signature[1]
    if "inputs" in body:
        columns = body["inputs"] if isinstance(body["inputs"], dict) else dict.fromkeys(specs, body["inputs"])
    else:
        # An object with the one key b64 stands for bytes; any other names the inputs.
        named = isinstance(body["instances"][0], dict) and set(body["instances"][0]) != {"b64"}
        rows = body["instances"] if named else [dict.fromkeys(specs, row) for row in body["instances"]]
        columns = {name: [row[name] for row in rows] for name in specs}
    return {name: tf.constant(decoded(values), specs[name].dtype) for name, values in columns.items()}


def decoded(values):
    if isinstance(values, dict):
        return base64.b64decode(values["b64"])
    return [decoded(value) for value in values] if isinstance(values, list) else values


B64 = [{"b64": base64.b64encode(file).decode()} for file in FILES]


@pytest.mark.parametrize(
    ("signature", "body"),
    [
        ("serving_bytes", {"instances": [{"image_bytes": b64} for b64 in B64]}),
        ("serving_bytes", {"instances": B64}),
        ("serving_bytes", {"inputs": {"image_bytes": B64}}),
        ("serving_bytes", {"inputs": B64}),
        ("serving_uint8", {"instances": IMAGES.tolist()}),
        ("serving_uint8", {"instances": [{"pixels": image.tolist()} for image in IMAGES]}),
        ("serving_default", {"inputs": (IMAGES / 255).tolist()}),
    ],
    ids=str,
)
def test_requests__as_json(folder, wanted, signature, body):
    asked = tf.saved_model.load(folder).signatures[signature]
    found = asked(**as_tensors(json.loads(json.dumps(body)), asked))
    np.testing.assert_allclose(found["representation"], wanted, atol=1e-6)


def test_warmup__holds_requests_that_the_model_answers(folder, wanted):
    from tensorflow_serving.apis import prediction_log_pb2

    records = tf.data.TFRecordDataset(f"{folder}/assets.extra/tf_serving_warmup_requests")
    logs = [prediction_log_pb2.PredictionLog.FromString(record.numpy()) for record in records]
    assert len(logs) == len(IMAGES)
    assert {log.predict_log.request.model_spec.name for log in logs} == {"encoder"}
    answers = [served(folder, log.predict_log.request).outputs["representation"] for log in logs]
    np.testing.assert_allclose(np.concatenate(list(map(tf.make_ndarray, answers))), wanted, atol=1e-6)


def test_warmup__names_the_model_by_the_folder_of_versions(tmp_path, monkeypatch):
    from tensorflow_serving.apis import prediction_log_pb2

    place = tmp_path / "words"
    place.mkdir()
    monkeypatch.chdir(place)
    model = moved(mlp_encoder())
    for path in ("1", "./2", str(place), "../words/"):
        folder = saved_model(model, path, warmup=vectors(1))
        (record,) = tf.data.TFRecordDataset(f"{folder}/assets.extra/tf_serving_warmup_requests")
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        assert log.predict_log.request.model_spec.name == "words"
    assert sorted(entry.name for entry in place.iterdir()) == ["1", "2", "3", "4"]


def test_warmup__must_be_what_the_encoder_takes(encoder, tmp_path, monkeypatch):
    monkeypatch.setattr("byol_keras.export.serving.write_signatures", lambda *_: pytest.fail("began to write"))
    with pytest.raises(ValueError, match=r"`warmup` must hold .* pixels \(None, 16, 16, 3\) float32"):
        saved_model(encoder, tmp_path / "encoder", warmup=pictures(3, 20))
    assert not list(tmp_path.iterdir())


def test_warmup__without_its_package_names_the_command(encoder, tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tensorflow_serving.apis.prediction_log_pb2", None)
    with pytest.raises(ImportError, match=r"pip install 'byol-keras\[serving\]'"):
        saved_model(encoder, tmp_path / "encoder", warmup=IMAGES)
    assert not list(tmp_path.iterdir())
