// A scene graph with transforms, visitors and a pool for its nodes.
#include <memory>
#include <string>
#include <vector>
#include "scene/matrix.hpp"

#define SCENE_LIMIT 4096

namespace scene {

class Visitor; 
using NodePtr = std::unique_ptr<class Node>;

enum class Kind : unsigned char { Group, Mesh, Light };

struct Bounds {
    double low = 0.0;
    double high = 0.0;

    constexpr double size() const { return high - low; }
    Bounds operator+(const Bounds& other) const;
};

template <typename T>
concept Measurable = requires(T value) {
    { value.bounds() };
};

/// Anything that stands in the graph.
class Node {
public:
    explicit Node(std::string name, Kind kind = Kind::Group)
        : name_(std::move(name)), kind_(kind) {}
    virtual ~Node() = default;

    virtual void accept(Visitor& visitor) const = 0;
    virtual Bounds bounds() const { return {}; }

    Node& add(NodePtr child);
    const std::string& name() const noexcept { return name_; }

    struct Order {
        bool operator()(const Node* left, const Node* right) const {
            return left->name() < right->name();
        }
    };

protected:
    std::vector<NodePtr> children_;

private:
    std::string name_;
    Kind kind_;
};

class Visitor {
public:
    virtual ~Visitor() = default;
    virtual void visit(const Node& node) = 0;
};

class Mesh final : public Node {
public:
    Mesh(std::string name, Bounds bounds);

    void accept(Visitor& visitor) const override { visitor.visit(*this); }
    Bounds bounds() const override { return bounds_; }

private:
    Bounds bounds_;
};

template <typename T, std::size_t Size = SCENE_LIMIT>
class Pool {
public:
    template <typename... Args>
    T* make(Args&&... args) {
        if (used_ == Size) {
            return nullptr;
        }
        items_[used_] = std::make_unique<T>(std::forward<Args>(args)...);
        return items_[used_++].get();
    }

    void clear();

private:
    std::unique_ptr<T> items_[Size];
    std::size_t used_ = 0;
};

template <typename T, std::size_t Size>
void Pool<T, Size>::clear() {
    while (used_ > 0) {
        items_[--used_].reset();
    }
}

Bounds Bounds::operator+(const Bounds& other) const {
    return Bounds{std::min(low, other.low), std::max(high, other.high)};
}

Mesh::Mesh(std::string name, Bounds bounds) : Node(std::move(name), Kind::Mesh), bounds_(bounds) {}

Node& Node::add(NodePtr child) {
    children_.push_back(std::move(child));
    return *children_.back();
}

namespace detail {
static int depth(const Node& node) { return node.name().empty() ? 0 : 1; }
}  // namespace detail

template <Measurable T>
double total(const std::vector<T>& items) {
    double sum = 0.0;
    for (const auto& item : items) {
        sum += item.bounds().size();
    }
    return sum;
}

}  // namespace scene

extern "C" int scene_version(void) { return 3; }

int main() {
    scene::Pool<scene::Mesh, 8> pool;
    auto* mesh = pool.make("cube", scene::Bounds{0.0, 1.0});
    auto report = [&](const scene::Node& node) { return scene::detail::depth(node); };
    return mesh != nullptr ? report(*mesh) : scene_version();
}

SCENE_BEGIN_NAMESPACE

class SCENE_API Camera : public scene::Node {
    SCENE_OBJECT
public:
    explicit Camera(std::string name) SCENE_NOEXCEPT;
    SCENE_NODISCARD double focus() const SCENE_OVERRIDE;
    double** planes();
    operator bool() const;
    double& operator[](std::size_t row) { return rows_[row]; }

private:
    double* rows_ = nullptr;
};

struct Lens SCENE_FINAL {
    double width;
};

SCENE_END_NAMESPACE

template <>
struct scene::Traits<scene::Pool<scene::Mesh, 8>> {
    static SCENE_INLINE int count() { return 8; }
};
