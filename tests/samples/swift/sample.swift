import Foundation
import struct Network.Endpoint

let smallest = 0.5
private var drawn = 0

typealias Points = [Point]

/// A place on the sheet.
struct Point: Hashable {
    var x: Double
    var y: Double

    static let zero = Point(x: 0, y: 0)

    func distance(to other: Point) -> Double {
        hypot(x - other.x, y - other.y)
    }
}

protocol Shape {
    var area: Double { get }
    func contains(_ point: Point) -> Bool
    init(scale: Double)
}

enum Colour: String, CaseIterable {
    case red
    case green
    case custom

    var isPlain: Bool {
        self != .custom
    }

    mutating func toggle() {
        self = self == .red ? .green : .red
    }
}

class Canvas<S: Shape> {
    private(set) var shapes: [S] = []
    weak var delegate: CanvasDelegate?
    let name: String

    init(name: String) {
        self.name = name
    }

    convenience init() {
        self.init(name: "untitled")
    }

    deinit {
        log("closed \(name)")
    }

    subscript(index: Int) -> S {
        shapes[index]
    }

    @discardableResult
    func add(_ shape: S, above: Bool = true) throws -> Int {
        guard shape.area >= smallest else {
            throw CanvasError.tooSmall(shape.area)
        }
        shapes.append(shape)
        drawn += 1
        delegate?.canvas(changed: name)
        return shapes.count
    }

    func hit(_ point: Point) async -> S? {
        func near(_ shape: S) -> Bool {
            shape.contains(point)
        }
        return shapes.last(where: near)
    }

    class func sample() -> Canvas {
        let made = Canvas(name: "sample")
        try? made.add(S(scale: 2))
        return made
    }
}

enum CanvasError: Error {
    case tooSmall(Double)
    case closed
}

protocol CanvasDelegate: AnyObject {
    func canvas(changed name: String)
}

struct Circle: Shape {
    let centre: Point
    let radius: Double

    init(scale: Double) {
        centre = .zero
        radius = scale
    }

    var area: Double { Double.pi * radius * radius }

    func contains(_ point: Point) -> Bool {
        centre.distance(to: point) <= radius
    }
}

actor Counter {
    private var value = 0

    func next() -> Int {
        value += 1
        return value
    }
}

extension Canvas: CustomStringConvertible {
    var description: String {
        "\(name): \(shapes.count)"
    }

    func largest() -> S? {
        shapes.max { $0.area < $1.area }
    }
}

func log(_ text: String, file: StaticString = #file) {
    FileHandle.standardError.write(Data(text.utf8))
}

func draw<T>(_ canvas: Canvas<T>) where T: Shape {
    for shape in canvas.shapes where shape.area > smallest {
        log("\(shape.area)")
    }
}

protocol Layer: AnyObject {
    associatedtype Content
    static var limit: Int { get }
    var visible: Bool { get set }
    func show(_ content: Content) throws
}
