// Restores a .tflite that tfedge packed (TFP1). Written by tfedge; change nothing here.

import Compression

private let mostSpans = 1 << 14
private let mostTables = 1 << 14
private let mostLanes = 1 << 16
private let mostSteps = 1 << 17
private let total = 1 << 14  // what the frequencies of a table add up to
private let primerBytes = 48144  // of what the primer itself unpacks to

/// No size in the bytes is believed, and the work is bounded by the one that the caller knows.
/// Whether the result is the right file, its SHA-256 tells.
enum {{ model.class_name }}Unpacking {
  /// The file.
  ///
  /// - Parameters:
  ///   - packed: as it was shipped
  ///   - primer: tfedge_primer.lzma
  ///   - size: bytes of the file
  static func unpack(_ packed: [UInt8], primer: [UInt8], size: Int) throws -> [UInt8] {
    let reader = Reader(packed)
    try need(reader.take(4) == [84, 70, 80, 49], "it does not begin with TFP1")
    let mode = try reader.byte()
    _ = try reader.take(32)  // its SHA-256: the caller knows which one it has to be
    let told = try reader.varint()
    try need(told == size, "it says \(told) bytes, not \(size)")
    if mode == 0 { return try expanded(reader.rest(), primer, size) }
    try need(mode == 2, "mode \(mode) is not known here")
    return try Parts(reader, size).file(primer)
  }
}

private func damaged(_ cause: String) -> {{ model.class_name }}.Refusal {
  return {{ model.class_name }}.Refusal(description: "the packed model is damaged: \(cause)")
}

private func need(_ holds: Bool, _ cause: @autoclosure () -> String) throws {
  if !holds { throw damaged(cause()) }
}

private final class Reader {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  func byte() throws -> Int {
    try need(at < bytes.count, "it ends early")
    at += 1
    return Int(bytes[at - 1])
  }

  func take(_ count: Int) throws -> [UInt8] {
    try need(count <= bytes.count - at, "it ends early")
    at += count
    return Array(bytes[(at - count)..<at])
  }

  func rest() throws -> [UInt8] {
    return try take(bytes.count - at)
  }

  func varint() throws -> Int {
    var value = 0
    for place in 0..<5 {
      let next = try byte()
      value |= (next & 127) << (7 * place)
      if next < 128 { return value }
    }
    throw damaged("a length is too long")
  }
}

/// Numbers in bits, the most significant first.
private final class Bits {
  private let bytes: [UInt8]
  private var at = 0

  init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  func fixed(_ width: Int) throws -> Int {
    var value = 0
    for _ in 0..<width {
      try need(at >> 3 < bytes.count, "its plan ends early")
      value = (value << 1) | ((Int(bytes[at >> 3]) >> (7 - (at & 7))) & 1)
      at += 1
    }
    return value
  }

  /// Exp-Golomb of this order.
  func number(_ order: Int = 0) throws -> Int {
    var width = order
    while try fixed(1) == 0 {
      width += 1
      try need(width <= 30, "a number is too long")
    }
    return try (1 << width) + fixed(width) - (1 << order)
  }

  func signed(_ order: Int) throws -> Int {
    let value = try number(order)
    return value & 1 == 1 ? -((value + 1) >> 1) : value >> 1
  }
}

private struct Span {
  let position: Int
  let length: Int
  let product: Product?
}

private struct Product {
  let factor: Int
  let others: Int
}

/// For each table where each symbol's range begins, and the end of the last one.
private struct Tables {
  let alphabet: [Int]
  let begins: [[Int]]
}

/// Spans of the file that are coded, and the skeleton that is left without them.
private final class Parts {
  private let bits: Bits
  private let carried: Int
  private let piece: [UInt8]
  private let raw: Reader
  private let words: Reader
  private let skeletonBytes: Int
  private var states: [Int] = []
  private var found: [UInt8]
  private var tablesLeft = mostTables
  private var stepsLeft = mostSteps
  private var lengths: [Int] = []  // the last one first
  private var single: [Tables] = []  // the last one first

  init(_ reader: Reader, _ size: Int) throws {
    let planBytes = try reader.varint()
    let pieceBytes = try reader.varint()
    let skeleton = try reader.varint()
    let rawBytes = try reader.varint()
    let lanes = try reader.varint()
    try need(lanes <= mostLanes && skeleton <= size, "its sizes make no sense")
    skeletonBytes = skeleton
    carried = min(2 * lanes, pieceBytes)
    bits = try Bits(reader.take(planBytes))
    piece = try reader.take(pieceBytes - carried)
    raw = try Reader(reader.take(rawBytes))
    let begin = try reader.take(4 * lanes)
    words = try Reader(reader.rest())
    found = [UInt8](repeating: 0, count: size)
    for i in 0..<lanes {
      states.append(Int(word(begin, 4 * i)))
    }
  }

  func file(_ primer: [UInt8]) throws -> [UInt8] {
    let spans = try self.spans()
    try need(raw.rest().isEmpty, "bytes belong nowhere")
    let skeleton = try expanded(wholePiece(), primer, skeletonBytes)
    var taken = 0
    var at = 0
    for span in spans + [Span(position: found.count, length: 0, product: nil)] {
      let gap = span.position - at
      try need(gap <= skeleton.count - taken, "its parts do not add up")
      found.replaceSubrange(at..<(at + gap), with: skeleton[taken..<(taken + gap)])
      taken += gap
      at = span.position + span.length
    }
    try need(taken == skeleton.count, "its parts do not add up")
    for span in spans {
      multiply(span)
    }
    return found
  }

  /// The piece of the skeleton, whose first bytes the lanes began with.
  private func wholePiece() throws -> [UInt8] {
    try need(words.rest().isEmpty, "words are left over")
    var begin: [UInt8] = []
    for state in states {
      try need(state >= 65536 && state < 131072, "its lanes do not end where they should")
      begin.append(UInt8(state & 255))
      begin.append(UInt8((state >> 8) & 255))
    }
    return Array(begin[0..<carried]) + piece
  }

  private func spans() throws -> [Span] {
    let count = try bits.number(4)
    try need(count <= mostSpans, "it has too many spans")
    var made: [Span] = []
    var end = 0
    for _ in 0..<count {
      let position = try end + bits.number(6)
      let length = try self.length()
      end = position + length
      try need(end <= found.count, "a span lies behind the end")
      let product = try span(position, length)
      made.append(Span(position: position, length: length, product: product))
    }
    return made
  }

  /// One that was there before, or another.
  private func length() throws -> Int {
    let place = try bits.fixed(1) == 1 ? bits.number() : -1
    try need(place < lengths.count, "a length was never there")
    let length = try place < 0 ? bits.number(8) : lengths[place]
    lengths.removeAll { $0 == length }
    lengths.insert(length, at: 0)
    return length
  }

  /// Writes the span, or tells what it is a product of.
  private func span(_ position: Int, _ length: Int) throws -> Product? {
    let kind = try bits.fixed(3)
    if kind == 4 {
      let product = try Product(factor: bits.number(12), others: bits.number(12))
      let last = max(product.factor + 4, product.others + length)
      try need(last <= found.count && length % 4 == 0, "a product lies behind the end")
      return product
    }
    if kind == 0 {
      let symbols = try plane(length)
      for i in 0..<length {
        found[position + i] = UInt8(symbols[i] ^ 128)
      }
    } else if kind == 1 {
      let halves = try plane(2 * length)
      for i in 0..<length {
        let (low, high) = ((halves[2 * i] ^ 8) & 15, (halves[2 * i + 1] ^ 8) & 15)
        found[position + i] = UInt8(low | (high << 4))
      }
    } else {
      let width = try 1 << bits.fixed(2)
      try need(length % width == 0 && kind < 4, "a span is of no known kind")
      if kind == 2 {
        try wordsAt(position, length / width, width)
      } else {
        try codesAt(position, length / width, width)
      }
    }
    return nil
  }

  private func codesAt(_ position: Int, _ count: Int, _ width: Int) throws {
    let values = try bits.fixed(8) + 1
    var book: [UInt8] = []  // each value's highest byte first
    for _ in 0..<(values * width) {
      book.append(try UInt8(bits.fixed(8)))
    }
    let symbols = try plane(count)
    for i in 0..<count {
      try need(symbols[i] < values, "a value is not in its book")
      for j in 0..<width {
        found[position + i * width + j] = book[symbols[i] * width + width - 1 - j]
      }
    }
  }

  private func wordsAt(_ position: Int, _ count: Int, _ width: Int) throws {
    let transform = try bits.fixed(2)
    let sparse = try bits.fixed(1) == 1
    var planes = try [plane(count)]
    while planes.count < width {
      if sparse {
        planes.append(try spread(planes[0]))
      } else {
        planes.append(try plane(count))
      }
    }
    for i in 0..<count {
      let low = planes[width - 1][i] & 1
      var carry = transform == 2 ? low : 0  // the bit that is rotated to the top
      for j in 0..<width {
        let byte = planes[j][i]
        var kept = byte
        if transform == 1 || transform == 2 { kept = (carry << 7) | (byte >> 1) }
        if transform == 1 && low == 1 { kept ^= 255 }
        found[position + i * width + width - 1 - j] = UInt8(kept)
        carry = byte & 1
      }
    }
  }

  /// A plane that holds symbols only where the first one is not 0.
  private func spread(_ first: [Int]) throws -> [Int] {
    var there = 0
    for symbol in first where symbol != 0 {
      there += 1
    }
    let symbols = try plane(there)
    var made: [Int] = []
    var next = 0
    for symbol in first {
      made.append(symbol == 0 ? 0 : symbols[next])
      if symbol != 0 { next += 1 }
    }
    return made
  }

  /// Symbols: raw, by a table used before, or by tables of their own.
  private func plane(_ count: Int) throws -> [Int] {
    if try bits.fixed(1) == 1 { return try raw.take(count).map { Int($0) } }
    if try bits.fixed(1) == 1 {
      let back = try bits.number()
      try need(back < single.count, "a table was never there")
      single.insert(single.remove(at: back), at: 0)
      return try symbols(count, single[0], [], [], 1)
    }
    let rows = try bits.fixed(2) + 1
    let columns = try bits.fixed(2) + 1
    if rows * columns == 1 {
      let made = try tables(1, alphabet())
      single.insert(made, at: 0)
      return try symbols(count, made, [], [], 1)
    }
    let height = try bits.number(5)
    try need(height > 0 && height <= count && count % height == 0, "rows do not divide a plane")
    let ofRow = try symbols(height, tables(1, Array(0..<rows)), [], [], 1)
    let ofColumn = try symbols(count / height, tables(1, Array(0..<columns)), [], [], 1)
    let made = try tables(rows * columns, alphabet())
    return try symbols(count, made, ofRow, ofColumn, columns)
  }

  /// The symbols that there are: some and the gaps between, or runs of them.
  private func alphabet() throws -> [Int] {
    var made: [Int] = []
    if try bits.fixed(1) == 1 {
      let size = try bits.number(3) + 1
      let order = try bits.fixed(3)
      try need(size <= 256, "an alphabet is too large")
      var symbol = -1
      for _ in 0..<size {
        symbol += try bits.number(order) + 1
        made.append(symbol)
      }
      try need(symbol < 256, "an alphabet is too large")
    } else {
      var symbol = 0
      let runs = try bits.number() + 1
      for _ in 0..<runs {
        symbol += try bits.number(2)
        let end = try symbol + bits.number(2) + 1
        try need(end <= 256, "an alphabet is too large")
        made += Array(symbol..<end)
        symbol = end + 1
      }
    }
    return made
  }

  private func tables(_ count: Int, _ alphabet: [Int]) throws -> Tables {
    tablesLeft -= count
    try need(tablesLeft >= 0, "it has too many tables")
    var made: [[Int]] = []
    for _ in 0..<count {
      var begins = [0]
      for frequency in try frequencies(levels(alphabet.count)) {
        begins.append(begins[begins.count - 1] + frequency)
      }
      made.append(begins)
    }
    return Tables(alphabet: alphabet, begins: made)
  }

  private func levels(_ size: Int) throws -> [Int] {
    var levels: [Int] = size == 1 ? [0] : []
    var level = 0
    while levels.count < size {
      let run = try bits.number() + 1
      level += try bits.signed(1)
      try need(level >= 0 && level <= 87 && run <= size - levels.count, "a table makes no sense")
      levels += [Int](repeating: level, count: run)
    }
    return levels
  }

  /// Each weight's share of `total`.
  private func frequencies(_ levels: [Int]) -> [Int] {
    let weights = levels.map { level -> Int in (4 + level % 4) << (level / 4) }
    let sum = weights.reduce(0, +)
    var shares = weights.map { weight -> Int in max(1, (2 * weight * total + sum) / (2 * sum)) }
    var left = total - shares.reduce(0, +)
    while left < 0 {
      shares[largest(shares)] -= 1
      left += 1
    }
    shares[largest(shares)] += left
    return shares
  }

  /// The place of the first largest.
  private func largest(_ shares: [Int]) -> Int {
    var place = 0
    for i in 0..<shares.count where shares[i] > shares[place] {
      place = i
    }
    return place
  }

  /// The next symbols of the lanes; of several tables the one of the row's and column's class.
  private func symbols(
    _ count: Int, _ by: Tables, _ ofRow: [Int], _ ofColumn: [Int], _ columns: Int
  ) throws -> [Int] {
    var made = [Int](repeating: by.alphabet[0], count: count)
    if by.alphabet.count == 1 { return made }
    let lanes = states.count
    stepsLeft -= lanes > 0 ? (count + lanes - 1) / lanes : mostSteps + 1
    try need(stepsLeft >= 0, "it has too few lanes")
    for i in 0..<count {
      var table = 0
      if by.begins.count > 1 {
        table = ofRow[i / ofColumn.count] * columns + ofColumn[i % ofColumn.count]
      }
      let begins = by.begins[table]
      let state = states[i % lanes]
      let slot = state & (total - 1)
      var low = 0
      var high = by.alphabet.count
      while high - low > 1 {
        let middle = (low + high) >> 1
        if begins[middle] <= slot { low = middle } else { high = middle }
      }
      made[i] = by.alphabet[low]
      var next = (begins[low + 1] - begins[low]) * (state >> 14) + slot - begins[low]
      if next < 65536 {
        let lowest = try words.byte()
        let highest = try words.byte()
        next = (next << 16) | (highest << 8) | lowest
      }
      states[i % lanes] = next
    }
    return made
  }

  private func multiply(_ span: Span) {
    guard let product = span.product else { return }
    let factor = Float(bitPattern: word(found, product.factor))
    var values: [UInt32] = []
    for i in 0..<(span.length / 4) {
      let other = Float(bitPattern: word(found, product.others + 4 * i))
      values.append((factor * other).bitPattern)
    }
    for i in 0..<values.count {
      for j in 0..<4 {
        found[span.position + 4 * i + j] = UInt8((values[i] >> UInt32(8 * j)) & 255)
      }
    }
  }
}

/// Four bytes, the lowest first.
private func word(_ bytes: [UInt8], _ at: Int) -> UInt32 {
  let low = UInt32(bytes[at]) | UInt32(bytes[at + 1]) << 8
  return low | UInt32(bytes[at + 2]) << 16 | UInt32(bytes[at + 3]) << 24
}

private func expanded(_ piece: [UInt8], _ primer: [UInt8], _ size: Int) throws -> [UInt8] {
  let reader = Reader(piece)
  let method = try reader.byte()
  var made: [UInt8] = []
  if method == 0 {
    made = try reader.rest()
  } else if method == 1 {
    made = try inflated(reader.rest(), size)
  } else if method == 2 {
    let properties = try reader.byte()
    let (lc, lp, pb) = (properties % 9, properties % 45 / 9, properties / 45)
    made = try Lzma(reader.rest(), lc, lp, pb).unpack(size)
  } else {
    try need(method == 3, "method \(method) is not known here")
    let shared = try Reader(primer).take(reader.varint())
    let whole = try Lzma(shared + reader.rest(), 0, 2, 2).unpack(primerBytes + size)
    made = Array(whole.dropFirst(primerBytes))
  }
  try need(made.count == size, "a part does not give the bytes it should")
  return made
}

/// At most `size` bytes; Apple's ZLIB is raw deflate.
private func inflated(_ bytes: [UInt8], _ size: Int) -> [UInt8] {
  var made = [UInt8](repeating: 0, count: size + 1)
  let count = compression_decode_buffer(
    &made, size + 1, bytes, bytes.count, nil, COMPRESSION_ZLIB)
  return Array(made[0..<count])
}

private final class Chances {
  var values: [Int]

  init(_ count: Int) {
    values = [Int](repeating: 1024, count: count)
  }
}

private final class Lengths {
  let choice = Chances(2)
  let low = Chances(16 << 3)
  let middle = Chances(16 << 3)
  let high = Chances(256)
}

/// A raw LZMA1 stream with an end marker; the output is its own dictionary.
private final class Lzma {
  private let reader: Reader
  private let lc: Int
  private let lp: Int
  private let pb: Int
  private var range = 0xffff_ffff
  private var code = 0
  private let literals: Chances
  private let isMatch = Chances(12 << 4)
  private let isRep = Chances(12)
  private let isRep0 = Chances(12)
  private let isRep1 = Chances(12)
  private let isRep2 = Chances(12)
  private let isRep0Long = Chances(12 << 4)
  private let slots = Chances(4 << 6)
  private let special = Chances(128)
  private let align = Chances(16)
  private let matchLengths = Lengths()
  private let repLengths = Lengths()

  init(_ bytes: [UInt8], _ lc: Int, _ lp: Int, _ pb: Int) throws {
    try need(lc + lp <= 4 && pb <= 4, "its LZMA has no such properties")
    self.lc = lc
    self.lp = lp
    self.pb = pb
    reader = Reader(bytes)
    literals = Chances(0x300 << (lc + lp))
    try need(reader.byte() == 0, "its LZMA begins wrong")
    for _ in 0..<4 {
      code = try (code << 8) | reader.byte()
    }
  }

  /// At most `size` bytes: a stream that goes on is refused.
  func unpack(_ size: Int) throws -> [UInt8] {
    var made: [UInt8] = []
    made.reserveCapacity(size)
    var reps = [0, 0, 0, 0]
    var state = 0
    while true {
      let place = made.count & ((1 << pb) - 1)
      if try bit(isMatch, (state << 4) + place) == 0 {
        try need(made.count < size, "its LZMA goes on")
        made.append(try literal(made, state < 7 ? nil : made[made.count - reps[0] - 1]))
        state = state < 4 ? 0 : (state < 10 ? state - 3 : state - 6)
        continue
      }
      var length: Int
      if try bit(isRep, state) == 0 {
        length = try self.length(matchLengths, place) + 2
        reps = try [distance(min(length - 2, 3)), reps[0], reps[1], reps[2]]
        if reps[0] == 0xffff_ffff {
          try need(reader.rest().isEmpty && code == 0, "bytes follow its LZMA")
          return made
        }
        state = state < 7 ? 7 : 10
      } else {
        length = try repeated(&reps, state, place)
        state = length == 1 ? (state < 7 ? 9 : 11) : (state < 7 ? 8 : 11)
      }
      try need(reps[0] < made.count && length <= size - made.count, "its LZMA makes no sense")
      for _ in 0..<length {
        made.append(made[made.count - reps[0] - 1])
      }
    }
  }

  /// The length of a match at one of the last four distances, which comes to the front.
  private func repeated(_ reps: inout [Int], _ state: Int, _ place: Int) throws -> Int {
    if try bit(isRep0, state) == 0 {
      if try bit(isRep0Long, (state << 4) + place) == 0 { return 1 }
    } else {
      var which = 1
      if try bit(isRep1, state) == 1 { which = try bit(isRep2, state) == 0 ? 2 : 3 }
      reps.insert(reps.remove(at: which), at: 0)
    }
    return try self.length(repLengths, place) + 2
  }

  private func literal(_ made: [UInt8], _ matched: UInt8?) throws -> UInt8 {
    let before = Int(made.last ?? 0)
    let position = made.count & ((1 << lp) - 1)
    let base = 0x300 * ((position << lc) + (before >> (8 - lc)))
    var symbol = 1
    if let matched = matched {
      var match = Int(matched)
      while symbol < 256 {
        let wanted = (match >> 7) & 1
        match <<= 1
        let got = try bit(literals, base + ((1 + wanted) << 8) + symbol)
        symbol = (symbol << 1) | got
        if wanted != got { break }
      }
    }
    while symbol < 256 {
      symbol = try (symbol << 1) | bit(literals, base + symbol)
    }
    return UInt8(symbol & 255)
  }

  private func length(_ of: Lengths, _ place: Int) throws -> Int {
    if try bit(of.choice, 0) == 0 { return try tree(of.low, place << 3, 3) }
    if try bit(of.choice, 1) == 0 { return try 8 + tree(of.middle, place << 3, 3) }
    return try 16 + tree(of.high, 0, 8)
  }

  private func distance(_ of: Int) throws -> Int {
    let slot = try tree(slots, of << 6, 6)
    if slot < 4 { return slot }
    let bits = (slot >> 1) - 1
    let begin = (2 | (slot & 1)) << bits
    if slot < 14 { return try begin + backwards(special, begin - slot, bits) }
    var direct = 0
    for _ in 0..<(bits - 4) {
      range >>= 1
      let one = code >= range ? 1 : 0
      if one == 1 { code -= range }
      direct = (direct << 1) | one
      try normalize()
    }
    return try begin + (direct << 4) + backwards(align, 0, 4)
  }

  private func tree(_ chances: Chances, _ base: Int, _ bits: Int) throws -> Int {
    var symbol = 1
    for _ in 0..<bits {
      symbol = try (symbol << 1) | bit(chances, base + symbol)
    }
    return symbol - (1 << bits)
  }

  private func backwards(_ chances: Chances, _ base: Int, _ bits: Int) throws -> Int {
    var symbol = 1
    var made = 0
    for i in 0..<bits {
      let one = try bit(chances, base + symbol)
      symbol = (symbol << 1) | one
      made |= one << i
    }
    return made
  }

  private func bit(_ chances: Chances, _ index: Int) throws -> Int {
    let chance = chances.values[index]
    let bound = (range >> 11) * chance
    let one = code >= bound ? 1 : 0
    if one == 1 {
      range -= bound
      code -= bound
      chances.values[index] = chance - (chance >> 5)
    } else {
      range = bound
      chances.values[index] = chance + ((2048 - chance) >> 5)
    }
    try normalize()
    return one
  }

  private func normalize() throws {
    if range >= 1 << 24 { return }
    range <<= 8
    code = try (code << 8) | reader.byte()
  }
}
