"""
Grids of cells that live and die, with rules that can be swapped.
"""
module Cells

using Random
using Statistics: mean
import Base: show, size, getindex

export Grid, step!, population

const ALIVE = true
const NEIGHBOURS = [(dx, dy) for dx in -1:1 for dy in -1:1 if (dx, dy) != (0, 0)]

abstract type Rule end

"The classic rule: born with three, kept with two or three."
struct Classic <: Rule end

struct Table <: Rule
    born::Set{Int}
    kept::Set{Int}
end

mutable struct Grid{R<:Rule}
    cells::Matrix{Bool}
    rule::R
    generation::Int

    function Grid(cells::AbstractMatrix{Bool}, rule::R) where {R<:Rule}
        isempty(cells) && throw(ArgumentError("a grid needs cells"))
        new{R}(Matrix(cells), rule, 0)
    end
end

Grid(width::Int, height::Int; seed=1, rule=Classic()) =
    Grid(rand(MersenneTwister(seed), Bool, height, width), rule)

size(grid::Grid) = size(grid.cells)

getindex(grid::Grid, x::Int, y::Int) = grid.cells[mod1(y, end), mod1(x, end)]

function Base.show(io::IO, grid::Grid)
    for row in eachrow(grid.cells)
        println(io, join(cell ? '#' : '.' for cell in row))
    end
end

"""
    neighbours(grid, x, y)

How many cells around a place are alive; the edges meet.
"""
function neighbours(grid::Grid, x::Integer, y::Integer)::Int
    count(((dx, dy),) -> grid[x + dx, y + dy], NEIGHBOURS)
end

survives(::Classic, alive::Bool, around::Int) = around == 3 || (alive && around == 2)

function survives(rule::Table, alive::Bool, around::Int)
    around in (alive ? rule.kept : rule.born)
end

function step!(
    grid::Grid;
    times::Int = 1,
)
    height, width = size(grid)
    for _ in 1:times
        next = similar(grid.cells)
        for x in 1:width, y in 1:height
            next[y, x] = survives(grid.rule, grid[x, y], neighbours(grid, x, y))
        end
        grid.cells = next
        grid.generation += 1
    end
    return grid
end

population(grid) = sum(grid.cells)

macro evolve(grid, times)
    quote
        local grid = $(esc(grid))
        step!(grid; times=$(esc(times)))
        population(grid)
    end
end

function history(grid::Grid, times::Int) where {}
    sizes = Int[]
    function note()
        push!(sizes, population(grid))
    end
    for _ in 1:times
        note()
        step!(grid)
    end
    return sizes, mean(sizes)
end

module Patterns

const GLIDER = Bool[0 1 0; 0 0 1; 1 1 1]

function blinker()
    cells = falses(5, 5)
    cells[3, 2:4] .= true
    return cells
end

end # module Patterns

end # module Cells
