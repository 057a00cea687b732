"""A training in a worker of the page, from fresh weights: 80 updates are enough, and what it learned is right."""

import numpy as np
import pytest
import torch
from javascript import MODULES
from playwright.sync_api import Error

from toyclip import checkpoint, zero_shot
from toyclip.data import Tokenizer, draw_pairs
from toyclip.encoders import Config, ToyCLIP
from toyclip.loss_floor import epoch_floor

PATIENCE = 40  # seconds for a training with its drawing; a quiet machine takes a fifth of it
IN_A_WORKER = """const source = `onmessage = async ({ data: { address, modules, seed } }) => {
  const names = {};
  for (const name of modules) Object.assign(names, await import(address + "/" + name + ".js"));
  const { loadProducts, world, Tokenizer, ToyCLIP, fit, accuracy, CAPTIONS, LIVE } = names;
  const products = await loadProducts(new Uint8Array(await (await fetch(address + "/kernel.wasm")).arrayBuffer()));
  const start = performance.now();
  const { training, heldOut } = world(seed);
  const [model, tokenizer, all] = [new ToyCLIP(products, seed), new Tokenizer(), new Tokenizer().encode(CAPTIONS)];
  const tokens = new Int32Array(training.captions.length * 4);
  training.captions.forEach((c, i) => tokens.set(all.subarray(4 * c, 4 * c + 4), 4 * i));
  const steps = [];
  let early;
  for (const { step, steps: total, loss, logitScale, logits, batch } of fit(model, training, tokens, LIVE, seed)) {
    steps.push({ step, total, loss, logitScale, logits: logits.length, batch: batch.slice() });
    if (step === 80) early = accuracy(model, heldOut, tokenizer);
  }
  const seconds = (performance.now() - start) / 1000;
  const weights = new Map([...model.parameters].map(([name, { value }]) => [name, value]));
  postMessage({ steps, early, end: accuracy(model, heldOut, tokenizer), seconds, weights, pixels: heldOut.pixels,
                classes: heldOut.classes, name: products.name });
};`;
const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
try {
  return await new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
    worker.postMessage({ address, modules, seed });
  });
} finally {
  worker.terminate();
}"""


@pytest.fixture(scope="module")
def trained(js, address) -> dict:
    """What a worker of the page said after one training with the kernel, seed 0."""
    return js.run(IN_A_WORKER, address=address, modules=MODULES, seed=0)


def test_pictures_are_named_right_after_80_of_85_updates(trained):
    assert trained["name"] == "wasm"
    assert [step["step"] for step in trained["steps"]] == list(range(1, 86))
    assert {step["total"] for step in trained["steps"]} == {85}
    assert trained["early"] >= 0.95
    assert trained["end"] >= 0.95
    assert trained["seconds"] < PATIENCE


def test_every_pair_is_seen_once_and_the_loss_falls_to_its_floor_but_not_below(trained):
    steps = trained["steps"]
    assert sorted(np.concatenate([step["batch"] for step in steps])) == list(range(2720))
    assert {step["logits"] for step in steps} == {32 * 32}
    losses, lowest = [step["loss"] for step in steps], epoch_floor([170] * 16, 32)
    assert losses[0] == pytest.approx(np.log(32), abs=0.6)  # it knows nothing yet
    assert lowest - 0.1 < np.mean(losses[-10:]) < lowest + 0.4
    assert all(1 <= step["logitScale"] <= 100 for step in steps)


def test_model_of_the_page_names_the_pictures_of_the_package(trained):
    model = ToyCLIP(Config(image_encoder="strided"))
    state = model.state_dict()
    for name, value in trained["weights"].items():
        state[name] = torch.from_numpy(value.copy()).reshape(state[name].shape)
    model.load_state_dict(state)
    assert zero_shot.accuracy(model, draw_pairs(per_class=30, seed=7), Tokenizer()) >= 0.99


def test_model_of_the_package_names_the_pictures_of_the_page(trained):
    model, tokenizer = checkpoint.load()
    pixels = torch.from_numpy(trained["pixels"].copy()).reshape(-1, 3, 32, 32)
    predicted = zero_shot.predict(model, pixels, zero_shot.classifier(model, zero_shot.CAPTIONS, tokenizer))  # (N,)
    assert (predicted.numpy() == trained["classes"]).mean() >= 0.99


SMALL = """const pairs = drawPairs(Array(16).fill(4), 0), tokens = new Tokenizer().encode(CAPTIONS);
const captions = new Int32Array(256);
pairs.captions.forEach((c, i) => captions.set(tokens.subarray(4 * c, 4 * c + 4), 4 * i));
const model = new ToyCLIP(PRODUCTS[kind], seed);
const weights = () => Float32Array.from([...model.parameters.values()].flatMap(({ value }) => [...value]));
"""


@pytest.mark.parametrize("kind", ["wasm", "plain"])
def test_same_seed_same_training_other_seed_another(js, kind):
    script = SMALL + "for (const step of fit(model, pairs, captions, LIVE, seed)); return weights();"
    once, again, other = (js.run(script, kind=kind, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(once, again)
    assert (once != other).mean() > 0.9


def test_reader_may_stop_look_and_go_on(js):
    script = f"""{SMALL}
    for (const step of fit(model, pairs, captions, {{ ...LIVE, epochs: 3 }}, seed)) {{
      if (look) accuracy(model, pairs, new Tokenizer());
      if (look) model.layers(pairs.pixels.slice(0, 3072));
    }}
    return weights();"""
    np.testing.assert_array_equal(*(js.run(script, kind="wasm", seed=0, look=look) for look in (True, False)))


def test_fixed_scale_stays_and_so_does_a_scale_beyond_the_highest(js):
    script = SMALL + "return [...fit(model, pairs, captions, LIVE, seed, { fixedScale })].map((s) => s.logitScale);"
    for scale in (0.5, 5, 200):
        assert js.run(script, kind="wasm", seed=0, fixedScale=scale) == pytest.approx([scale, scale], rel=1e-6)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("[...fit(model, pairs, captions, { ...LIVE, batchSize: 65 }, seed)]", "cannot draw batches of 65 from 64"),
        ("[...fit(model, pairs, captions, { ...LIVE, batchSize: 1 }, seed)]", "cannot draw batches of 1 from 64"),
        ("[...fit(model, pairs, captions, LIVE, seed, { directions: 'left' })]", "there are no directions 'left'"),
        ("[...fit(model, pairs, captions, LIVE, seed, { fixedScale: 0 })]", "the scale 0 is not above 0"),
        ("[...fit(model, pairs, captions, { ...LIVE, lr: 1e30, epochs: 9 }, seed)]", "LossNotFiniteError: the loss is"),
        ("infoNCE(new Float32Array(6), 2)", "expected 2 x 2 logits, got 6"),
        ("infoNCE(new Float32Array(1), 1)", "a batch of 1 has no negatives"),
        ("classifier(model, [], new Tokenizer())", "there is nothing to choose from"),
        ("model.embedImages(new Uint8Array(300), 1)", "expected pictures (1, 3, 32, 32), at least one, got 300 bytes"),
        ("model.backward(new Float32Array(4))", "there is no way back"),
        ("draw('pink', 'circle', rng(0))", "cannot draw 'pink' 'circle'"),
        ("drawPairs([1, 2], 0)", "counts are 1,2; give 16 whole numbers"),
    ],
)  # fmt: skip
def test_what_cannot_be_trained_is_refused_in_one_sentence(js, body, message):
    with pytest.raises(Error) as error:
        js.run(SMALL + body, kind="wasm", seed=0)
    assert message in str(error.value)


def test_ten_trainings_take_no_more_memory_than_two(js):
    session = js.page.context.new_cdp_session(js.page)

    def used() -> int:
        session.send("HeapProfiler.collectGarbage")
        usage = session.send("Runtime.getHeapUsage")
        return usage["usedSize"] + usage.get("backingStorageSize", 0) + usage.get("embedderHeapUsedSize", 0)

    sizes = []
    for seed in range(10):
        js.run(SMALL + "for (const step of fit(model, pairs, captions, LIVE, seed));", kind="wasm", seed=seed)
        sizes.append(used())
    session.detach()
    assert max(sizes[2:]) < sizes[1] + 2_000_000, sizes


def test_reports_come_at_every_twentieth_update_even_if_the_clock_stands_still(js):
    told = js.run("""
      const { serve } = await import("./page/worker.js");
      const { PRESETS, settingsOf } = await import("./page/presets.js");
      const kernel = await (await fetch("./kernel.wasm")).arrayBuffer();
      const now = performance.now;
      performance.now = () => 0;
      const told = [];
      await new Promise((over) => {
        const scope = { postMessage: (m) => (m.type === "progress" ? told.push(m.step) : over()) };
        serve(scope);
        scope.onmessage({ data: { type: "kernel", kernel } });
        scope.onmessage({ data: { type: "start", settings: settingsOf(PRESETS[0]) } });
      });
      performance.now = now;
      return told;
    """)
    assert told == [20, 40, 60, 80, 85]
