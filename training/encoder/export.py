"""From a fine-tuned encoder to what ships: an ONNX graph with int8 weights."""

import tempfile
import warnings
from pathlib import Path

import torch
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.encoder.finetune import HeadsOnEncoder

_OPSET = 17


def to_onnx(model: HeadsOnEncoder) -> bytes:
    """The graph that `triage.classifier.encoder` runs."""
    with tempfile.TemporaryDirectory() as folder:
        whole, small = Path(folder) / "whole.onnx", Path(folder) / "small.onnx"
        sample = torch.ones(1, 16, dtype=torch.long)
        model.eval().encoder.set_attn_implementation("eager")  # type: ignore[operator]
        with warnings.catch_warnings():
            # The newer exporter cannot yet leave the length open.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                model,
                (sample,),
                str(whole),
                input_names=["ids"],
                output_names=["scores"],
                dynamic_axes={"ids": {1: "length"}},
                dynamo=False,
                opset_version=_OPSET,
            )
        quantize_dynamic(whole, small, weight_type=QuantType.QInt8)
        return small.read_bytes()
