! Heat on a plate: a grid, a solver and a program that runs it.
module plate
  use, intrinsic :: iso_fortran_env, only: real64
  implicit none
  private

  integer, parameter, public :: wp = real64
  real(wp), parameter :: tolerance = 1.0e-6_wp

  type, public :: grid
    integer :: width = 0
    integer :: height = 0
    real(wp), allocatable :: cells(:, :)
  contains
    procedure :: heat => grid_heat
    procedure, pass(self) :: mean => grid_mean
    final :: grid_free
  end type grid

  type, abstract, public :: solver
    integer :: steps = 0
  contains
    procedure(step_method), deferred :: step
  end type solver

  type, extends(solver), public :: jacobi
    real(wp) :: weight = 1.0_wp
  contains
    procedure :: step => jacobi_step
  end type jacobi

  abstract interface
    subroutine step_method(self, plate)
      import :: solver, grid
      class(solver), intent(inout) :: self
      type(grid), intent(inout) :: plate
    end subroutine step_method
  end interface

  interface grid
    module procedure new_grid
  end interface grid

  public :: residual

contains

  function new_grid(width, height) result(made)
    integer, intent(in) :: width, height
    type(grid) :: made

    made%width = width
    made%height = height
    allocate (made%cells(width, height), source=0.0_wp)
  end function new_grid

  subroutine grid_heat(self, x, y, degrees)
    class(grid), intent(inout) :: self
    integer, intent(in) :: x, y
    real(wp), intent(in), optional :: degrees

    if (present(degrees)) then
      self%cells(x, y) = degrees
    else
      self%cells(x, y) = 100.0_wp
    end if
  end subroutine grid_heat

  pure real(wp) function grid_mean(self)
    class(grid), intent(in) :: self

    grid_mean = sum(self%cells)/real(size(self%cells), wp)
  end function grid_mean

  subroutine grid_free(self)
    type(grid), intent(inout) :: self
    if (allocated(self%cells)) deallocate (self%cells)
  end subroutine grid_free

  subroutine jacobi_step(self, plate)
    class(jacobi), intent(inout) :: self
    type(grid), intent(inout) :: plate
    real(wp), allocatable :: next(:, :)
    integer :: x, y

    next = plate%cells
    do concurrent(y=2:plate%height - 1, x=2:plate%width - 1)
      next(x, y) = around(x, y)
    end do
    plate%cells = next
    self%steps = self%steps + 1

  contains

    pure real(wp) function around(x, y)
      integer, intent(in) :: x, y
      around = 0.25_wp*(plate%cells(x - 1, y) + plate%cells(x + 1, y) &
                        + plate%cells(x, y - 1) + plate%cells(x, y + 1))
    end function around
  end subroutine jacobi_step

  elemental function residual(a, b) result(difference)
    real(wp), intent(in) :: a, b
    real(wp) :: difference
    difference = merge(0.0_wp, abs(a - b), abs(a - b) < tolerance)
  end function residual

end module plate

program heat
  use plate, only: grid, jacobi, wp, residual
  implicit none
  type(grid) :: sheet
  type(jacobi) :: method
  real(wp) :: before
  integer :: i

  sheet = grid(32, 32)
  call sheet%heat(16, 16)
  do i = 1, 100
    before = sheet%mean()
    call method%step(sheet)
    if (residual(before, sheet%mean()) == 0.0_wp) exit
  end do
  print *, method%steps, sheet%mean()
end program heat
