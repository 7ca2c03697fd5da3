// {{ model.class_name }}: {{ model.task|comment }}. Written by tfedge; change nothing here, write it again.

{% if model.picture %}
import CoreGraphics
{% endif %}
import CryptoKit
import Foundation
import TensorFlowLite
{% set types = {"bytes": "UInt8", "real": "Float", "whole": "Int32"} %}

/// One loaded model. One thread at a time is let in.
{% if model.keeps_state %}
/// It remembers the example before, and nothing in Swift resets it: it is made anew for each one.
{% endif %}
public final class {{ model.class_name }} {
  public static let version = {{ model.version|swift_text }}
  public static let sha256 = "{{ model.sha256 }}"
{% if model.labels %}

  /// The class names, in the order of the scores.
  public static let labels: [String] = [{{ model.labels|map("swift_text")|listed }}]
{% endif %}

  /// What the model answers.
  public struct Outputs {
{% for port in model.outputs %}
    /// {{ port.words }}.
    public let {{ port.id }}: [{{ types[port.given] }}]
{% endfor %}
  }
{% if model.labels %}

  /// One class, and its score{{ ", a probability" if model.is_probability else ", which is no probability: only the order tells" }}.
  public struct Answer {
    public let label: String
    public let index: Int
    public let score: Float
  }
{% endif %}

  /// The largest difference of each output from the release's, in what its tensor holds.
  public struct Check {
    public let passed: Bool
    public let examples: Int
    public let differences: [String: Double]
  }

  /// What is refused, in words.
  public struct Refusal: Error, CustomStringConvertible {
    public let description: String
  }

  private let file: URL
  private let golden: URL?
  private let options: Interpreter.Options
  private let delegates: [Delegate]
  private let lock = NSLock()
  private var interpreter: Interpreter

  /// Loads the file and compares its SHA-256 with that of the release.{{ " The first call unpacks it into\n  /// the app's caches; call it on another thread than the main one." if model.packed }}
  ///
  /// - Parameters:
  ///   - bundle: that holds {{ model.asset }}.{{ model.shipped|listed }}{{ ", tfedge_primer.lzma" if model.packed }} and {{ model.asset }}.golden
  ///   - threads: of the CPU
  ///   - delegates: accelerators, such as `MetalDelegate()`; they may answer a little otherwise,
  ///     see `selfCheck`
  public convenience init(
    bundle: Bundle = .main, threads: Int = 2, delegates: [Delegate] = []
  ) throws {
{% if model.packed %}
    let file = try {{ model.class_name }}.unpacked(bundle)
{% else %}
    guard let file = bundle.url(forResource: "{{ model.asset }}", withExtension: "tflite") else {
      throw Refusal(description: "{{ model.asset }}.tflite is not in the bundle: add it to the target")
    }
{% endif %}
    let golden = bundle.url(forResource: "{{ model.asset }}", withExtension: "golden")
    try self.init(file: file, golden: golden, threads: threads, delegates: delegates)
  }

  public init(file: URL, golden: URL?, threads: Int = 2, delegates: [Delegate] = []) throws {
    guard (1...64).contains(threads) else {
      throw Refusal(description: "threads is 1 to 64, not \(threads)")
    }
    let content = try Data(contentsOf: file, options: .alwaysMapped)
    let found = {{ model.class_name }}.digest(content)
    guard found == {{ model.class_name }}.sha256 else {
      throw Refusal(
        description: "\(file.lastPathComponent) is another file: its SHA-256 is \(found)")
    }
    var options = Interpreter.Options()
    options.threadCount = threads
    self.file = file
    self.golden = golden
    self.options = options
    self.delegates = delegates
    interpreter = try {{ model.class_name }}.opened(file, options, delegates)
  }

  /// One inference. Every array has exactly the length that is written here.
  ///
{% for port in model.inputs %}
  /// - Parameter {{ port.id }}: {{ port.words }}{{ port.seen|comment }}{{ ", before normalization" if port.factors }}
{% endfor %}
  public func run({% for port in model.inputs %}{{ port.id }}: [{{ types[port.given] }}]{{ ", " if not loop.last }}{% endfor %}) throws -> Outputs {
    let given = [{% for port in model.inputs %}try {{ model.class_name }}.{{ port.id }}Tensor({{ port.id }}){{ ", " if not loop.last }}{% endfor %}]
    let found = try invoke(given)
    return Outputs(
{% for port in model.outputs %}
{% set end = "," if not loop.last else "" %}
{% if port.scale %}
      {{ port.id }}: {{ model.class_name }}.{{ "bytes" if port.dtype == "uint8" else "integers" }}(found[{{ loop.index0 }}]).map { Float(Int32($0) - {{ "(" ~ port.zero_point ~ ")" }}) * {{ port.scale|number }} }{{ end }}
{% elif port.given == "real" %}
      {{ port.id }}: {{ model.class_name }}.floats(found[{{ loop.index0 }}]){{ end }}
{% else %}
      {{ port.id }}: {{ model.class_name }}.{{ "bytes" if port.dtype == "uint8" else "integers" }}(found[{{ loop.index0 }}]).map { Int32($0) }{{ end }}
{% endif %}
{% endfor %}
    )
  }
{% if model.picture %}

  /// What a picture shows: {{ model.picture.words|comment }}.
  ///
  /// - Parameter most: how many answers, the likeliest first
  public func classify(_ picture: CGImage, most: Int = 1) throws -> [Answer] {
    let (width, height) = (picture.width, picture.height)
    var rgba = [UInt8](repeating: 0, count: 4 * width * height)
    let drawn = rgba.withUnsafeMutableBytes { bytes -> Bool in
      guard
        let context = CGContext(
          data: bytes.baseAddress, width: width, height: height, bitsPerComponent: 8,
          bytesPerRow: 4 * width, space: CGColorSpaceCreateDeviceRGB(),
          bitmapInfo: CGImageAlphaInfo.noneSkipLast.rawValue)
      else { return false }
      context.draw(picture, in: CGRect(x: 0, y: 0, width: width, height: height))
      return true
    }
    guard drawn else { throw Refusal(description: "the picture cannot be drawn") }
    let input = try {{ model.class_name }}.pictureInput(rgba: rgba, width: width, height: height)
    return {{ model.class_name }}.ranked(try run({{ model.inputs[0].id }}: input).{{ model.outputs[0].id }}, most)
  }
{% elif model.labels %}

  /// The likeliest classes of an example; see `run`.
  public func classify({% for port in model.inputs %}{{ port.id }}: [{{ types[port.given] }}], {% endfor %}most: Int = 1) throws -> [Answer] {
    let found = try run({% for port in model.inputs %}{{ port.id }}: {{ port.id }}{{ ", " if not loop.last }}{% endfor %})
    return {{ model.class_name }}.ranked(found.{{ model.outputs[0].id }}, most)
  }
{% endif %}

  /// Runs the examples of {{ model.asset }}.golden on this device and compares the answers with the
  /// release's.
  public func selfCheck() throws -> Check {
    guard let golden = golden else {
      throw Refusal(description: "{{ model.asset }}.golden is not in the bundle: add it to the target")
    }
    let bytes = try Data(contentsOf: golden)
    guard !bytes.isEmpty, bytes.count % {{ model.example_bytes }} == 0 else {
      throw Refusal(description: "{{ model.asset }}.golden has \(bytes.count) bytes, a multiple of {{ model.example_bytes }} was expected")
    }
    var differences: [String: Double] = [{% for port in model.outputs %}"{{ port.id }}": 0{{ ", " if not loop.last }}{% endfor %}]
    var at = 0
    func next(_ size: Int) -> Data {
      at += size
      return bytes.subdata(in: (at - size)..<at)
    }
    while at < bytes.count {
      let found = try invoke([{% for port in model.inputs %}next({{ port.bytes }}){{ ", " if not loop.last }}{% endfor %}])
{% for port in model.outputs %}
{% set read = {"float32": "floats", "uint8": "bytes", "int32": "integers"}[port.dtype] %}
      do {
        let got = {{ model.class_name }}.{{ read }}(found[{{ loop.index0 }}]).map { Double($0) }
        let wanted = {{ model.class_name }}.{{ read }}(next({{ port.bytes }})).map { Double($0) }
        differences["{{ port.id }}"] = max(differences["{{ port.id }}"]!, {{ model.class_name }}.apart(got, wanted))
      }
{% endfor %}
    }
    let passed = {% for port in model.outputs %}differences["{{ port.id }}"]! <= {{ model.tolerance(port) }}{{ " && " if not loop.last }}{% endfor %}

    return Check(
      passed: passed, examples: bytes.count / {{ model.example_bytes }}, differences: differences)
  }

  private static func digest(_ content: Data) -> String {
    return SHA256.hash(data: content).map { String(format: "%02x", $0) }.joined()
  }
{% if model.packed %}

  /// The model in the app's caches, from where it is mapped; it is unpacked where it is not there.
  private static func unpacked(_ bundle: Bundle) throws -> URL {
    guard !Thread.isMainThread else {
      throw Refusal(description: "the model is unpacked: not on the main thread")
    }
    let caches = try FileManager.default.url(
      for: .cachesDirectory, in: .userDomainMask, appropriateFor: nil, create: true)
    let file = caches.appendingPathComponent("{{ model.asset }}.tflite")
    if let held = try? Data(contentsOf: file, options: .alwaysMapped), digest(held) == sha256 {
      return file
    }
    let packed = try bytes(of: "{{ model.asset }}.tflite", "packed", in: bundle)
    let primer = try bytes(of: "tfedge_primer", "lzma", in: bundle)
    let content = Data(
      try {{ model.class_name }}Unpacking.unpack(packed, primer: primer, size: {{ model.content|length }}))
    let found = digest(content)
    guard found == sha256 else {
      throw Refusal(description: "{{ model.asset }}.tflite.packed holds another file: its SHA-256 is \(found)")
    }
    try content.write(to: file, options: .atomic)
    return file
  }

  private static func bytes(of name: String, _ ending: String, in bundle: Bundle) throws -> [UInt8] {
    guard let file = bundle.url(forResource: name, withExtension: ending) else {
      throw Refusal(description: "\(name).\(ending) is not in the bundle: add it to the target")
    }
    return [UInt8](try Data(contentsOf: file))
  }
{% endif %}

  private static func opened(
    _ file: URL, _ options: Interpreter.Options, _ delegates: [Delegate]
  ) throws -> Interpreter {
    let made = try Interpreter(
      modelPath: file.path, options: options, delegates: delegates)
    try made.allocateTensors()
    return made
  }

  /// Tensors as little-endian bytes, in the order of the signature; the pod compares lengths.
  private func invoke(_ inputs: [Data]) throws -> [Data] {
    lock.lock()
    defer { lock.unlock() }
{% if model.keeps_state %}
    interpreter = try {{ model.class_name }}.opened(file, options, delegates)
{% endif %}
{% for port in model.inputs %}
    try interpreter.copy(inputs[{{ loop.index0 }}], toInputAt: {{ port.index }})
{% endfor %}
    try interpreter.invoke()
    let found = [{% for port in model.outputs %}try interpreter.output(at: {{ port.index }}).data{{ ", " if not loop.last }}{% endfor %}]
    guard found.map({ $0.count }) == [{{ model.outputs|map(attribute="bytes")|listed }}] else {
      throw Refusal(description: "the outputs have other sizes than in the release")
    }
    return found
  }
{% for port in model.inputs %}

  private static func {{ port.id }}Tensor(_ values: [{{ types[port.given] }}]) throws -> Data {
    guard values.count == {{ port.count }} else {
      throw Refusal(description: "{{ port.id }} takes {{ port.count }} numbers, not \(values.count)")
    }
{% if port.given == "bytes" %}
    return Data(values)
{% elif port.given == "whole" %}
{% if port.dtype == "int32" %}
    return values.withUnsafeBufferPointer { Data(buffer: $0) }
{% else %}
    return Data(
      try values.map { value -> UInt8 in
        guard let code = UInt8(exactly: value) else {
          throw Refusal(description: "{{ port.id }} is 0 to 255, not \(value)")
        }
        return code
      })
{% endif %}
{% else %}
{% if port.factors %}
    // As in training: raw * {{ port.factors|listed }} + {{ port.offsets|listed }}.
    let factors: [Float] = [{{ port.factors|map("number")|listed }}]
    let offsets: [Float] = [{{ port.offsets|map("number")|listed }}]
    let normalized = values.enumerated().map { i, value -> Float in
      let scaled: Float = value * factors[i % factors.count]
      return scaled + offsets[i % offsets.count]
    }
{% else %}
    let normalized = values
{% endif %}
{% if port.scale %}
    // The tensor holds codes: real number = (code - {{ port.zero_point }}) * {{ port.scale|number }}.
    let scale: Float = {{ port.scale|number }}
    let zeroPoint: Float = {{ port.zero_point }}
    let codes = try normalized.map { value -> {{ "UInt8" if port.dtype == "uint8" else "Int32" }} in
      guard !value.isNaN else { throw Refusal(description: "{{ port.id }} holds NaN") }
      let code = (value / scale + zeroPoint).rounded(.toNearestOrEven)
      return {{ "UInt8" if port.dtype == "uint8" else "Int32" }}(min(max(code, {{ port.least }}), {{ port.most }}))
    }
    return codes.withUnsafeBufferPointer { Data(buffer: $0) }
{% else %}
    return normalized.withUnsafeBufferPointer { Data(buffer: $0) }
{% endif %}
{% endif %}
  }
{% endfor %}
{% if model.labels %}

  private static func ranked(_ scores: [Float], _ most: Int) -> [Answer] {
    let answers = labels.indices.map { Answer(label: labels[$0], index: $0, score: scores[$0]) }
    let sorted = answers.sorted { ($1.score, $0.index) < ($0.score, $1.index) }
    return Array(sorted.prefix(most))
  }
{% endif %}
{% if model.picture %}
{% set picture = model.picture %}

  /// The input that a picture makes: {{ picture.words|comment }}.
  ///
  /// - Parameter rgba: its pixels, 4 bytes each, row by row
  static func pictureInput(rgba: [UInt8], width: Int, height: Int) throws -> [{{ types[model.inputs[0].given] }}] {
    guard width > 0, height > 0, rgba.count == 4 * width * height else {
      throw Refusal(description: "a picture of \(width)x\(height) has \(rgba.count) bytes")
    }
    let pixels = resized(channels(rgba), width, height)
{% if picture.most == 255 %}
    return pixels.map { {{ types[model.inputs[0].given] }}($0) }
{% elif model.inputs[0].given == "real" %}
    return pixels.map { Float(Double($0) * {{ picture.most }} / 255) }
{% else %}
    return pixels.map { {{ types[model.inputs[0].given] }}((Double($0) * {{ picture.most }} / 255).rounded(.toNearestOrEven)) }
{% endif %}
  }

  /// {{ "Grey, as Pillow's convert('L')" if picture.channels == 1 else "Red, green, blue" }}, without alpha.
  private static func channels(_ rgba: [UInt8]) -> [Int] {
    var found: [Int] = []
    found.reserveCapacity(rgba.count / 4 * {{ picture.channels }})
    for i in stride(from: 0, to: rgba.count, by: 4) {
      let (red, green, blue) = (Int(rgba[i]), Int(rgba[i + 1]), Int(rgba[i + 2]))
{% if picture.channels == 1 %}
      found.append((red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16)
{% else %}
      found += [red, green, blue]
{% endif %}
    }
    return found
  }

  /// {{ picture.fit }}, {{ picture.interpolation }}, half-pixel centres, no antialiasing (tf.image.resize).
  private static func resized(_ given: [Int], _ givenWidth: Int, _ givenHeight: Int) -> [Int] {
{% if picture.fit == "stretch" %}
    let (pixels, width, height) = (given, givenWidth, givenHeight)
{% else %}
    var (pixels, width, height) = (given, givenWidth, givenHeight)
    if width != {{ picture.width }} || height != {{ picture.height }} {
      let fitting = Int(Double(width) * {{ picture.height }} / {{ picture.width }})
      let across = Int(Double(height) * {{ picture.width }} / {{ picture.height }})
{% if picture.fit == "crop" %}
      let (tall, wide) = (max(min(height, fitting), 1), max(min(width, across), 1))
{% else %}
      let tall = height + 2 * ((max(height, fitting) - height) / 2)
      let wide = width + 2 * ((max(width, across) - width) / 2)
{% endif %}
      let (top, left) = ((height - tall) / 2, (width - wide) / 2)
      var framed = [Int](repeating: 0, count: tall * wide * {{ picture.channels }})
      for y in 0..<tall where (0..<height).contains(y + top) {
        for x in 0..<wide where (0..<width).contains(x + left) {
          for c in 0..<{{ picture.channels }} {
            framed[(y * wide + x) * {{ picture.channels }} + c] =
              pixels[((y + top) * width + x + left) * {{ picture.channels }} + c]
          }
        }
      }
      (pixels, width, height) = (framed, wide, tall)
    }
{% endif %}
    if width == {{ picture.width }} && height == {{ picture.height }} { return pixels }
    let rows = neighbours(height, {{ picture.height }})
    let columns = neighbours(width, {{ picture.width }})
    func pixel(_ row: Int, _ column: Int, _ channel: Int) -> Float {
      return Float(pixels[(row * width + column) * {{ picture.channels }} + channel])
    }
{% if picture.interpolation != "nearest" %}
    func between(_ from: Float, _ to: Float, _ share: Float) -> Float {
      let part: Float = (to - from) * share
      return from + part
    }
{% endif %}
    var found: [Int] = []
    found.reserveCapacity({{ picture.height * picture.width * picture.channels }})
    for row in rows {
      for column in columns {
        for c in 0..<{{ picture.channels }} {
{% if picture.interpolation == "nearest" %}
          found.append(Int(pixel(row, column, c)))
{% else %}
          let above = between(
            pixel(row.low, column.low, c), pixel(row.low, column.high, c), column.share)
          let below = between(
            pixel(row.high, column.low, c), pixel(row.high, column.high, c), column.share)
          found.append(Int(between(above, below, row.share).rounded(.toNearestOrEven)))
{% endif %}
        }
      }
    }
    return found
  }

{% if picture.interpolation == "nearest" %}
  private static func neighbours(_ before: Int, _ after: Int) -> [Int] {
    let scale = Float(before) / Float(after)
    return (0..<after).map { min(Int(((Float($0) + 0.5) * scale).rounded(.down)), before - 1) }
  }
{% else %}
  private static func neighbours(_ before: Int, _ after: Int) -> [(low: Int, high: Int, share: Float)] {
    let scale = Float(before) / Float(after)
    return (0..<after).map { i in
      let scaled: Float = (Float(i) + 0.5) * scale
      let place = scaled - 0.5
      let low = place.rounded(.down)
      return (max(Int(low), 0), min(Int(place.rounded(.up)), before - 1), place - low)
    }
  }
{% endif %}
{% endif %}

  private static func apart(_ found: [Double], _ expected: [Double]) -> Double {
    var largest = 0.0
    for (got, wanted) in zip(found, expected) where !(got.isNaN && wanted.isNaN) && got != wanted {
      let difference = abs(got - wanted)
      largest = difference.isNaN ? .infinity : max(largest, difference)
    }
    return largest
  }
{% set held = model.outputs|map(attribute="dtype")|list %}
{% if "uint8" in held %}

  private static func bytes(_ data: Data) -> [UInt8] {
    return [UInt8](data)
  }
{% endif %}
{% if "int32" in held %}

  private static func integers(_ data: Data) -> [Int32] {
    return words(data).map { Int32(bitPattern: $0) }
  }
{% endif %}
{% if "float32" in held %}

  private static func floats(_ data: Data) -> [Float] {
    return words(data).map { Float(bitPattern: $0) }
  }
{% endif %}
{% if "float32" in held or "int32" in held %}

  private static func words(_ data: Data) -> [UInt32] {
    let bytes = [UInt8](data)
    return stride(from: 0, to: bytes.count, by: 4).map { i in
      UInt32(bytes[i]) | UInt32(bytes[i + 1]) << 8 | UInt32(bytes[i + 2]) << 16
        | UInt32(bytes[i + 3]) << 24
    }
  }
{% endif %}
}
