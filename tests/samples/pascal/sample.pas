{ A matrix of cells with formulas, as in a small spreadsheet. }
unit Sheet;

interface

uses
  SysUtils, Classes;

const
  MaxRows = 100;
  MaxColumns = 26;

type
  TKind = (ckEmpty, ckNumber, ckFormula);

  PCell = ^TCell;

  TCell = record
    Kind: TKind;
    Value: Double;
    Text: string;
  end;

  ESheet = class(Exception);

  IPrinter = interface
    procedure Print(const Line: string);
  end;

  { The cells and how they are computed. }
  TSheet = class(TObject)
  private
    FCells: array[0..MaxRows - 1, 0..MaxColumns - 1] of TCell;
    FDepth: Integer;
    function GetCell(Row, Column: Integer): TCell;
  protected
    procedure Check(Row, Column: Integer); virtual;
  public
    constructor Create;
    destructor Destroy; override;
    procedure Put(Row, Column: Integer; const Text: string);
    function Value(Row, Column: Integer): Double;
    class function Name(Column: Integer): Char; static;
    property Cells[Row, Column: Integer]: TCell read GetCell; default;
  end;

function Sum(Sheet: TSheet; Column: Integer): Double;

implementation

constructor TSheet.Create;
begin
  inherited Create;
  FDepth := 0;
end;

destructor TSheet.Destroy;
begin
  inherited Destroy;
end;

procedure TSheet.Check(Row, Column: Integer);
begin
  if (Row < 0) or (Row >= MaxRows) or (Column < 0) or (Column >= MaxColumns) then
    raise ESheet.CreateFmt('no cell %d, %d', [Row, Column]);
end;

function TSheet.GetCell(Row, Column: Integer): TCell;
begin
  Check(Row, Column);
  Result := FCells[Row, Column];
end;

procedure TSheet.Put(Row, Column: Integer; const Text: string);
var
  Cell: PCell;
begin
  Check(Row, Column);
  Cell := @FCells[Row, Column];
  Cell^.Text := Text;
  if Text = '' then
    Cell^.Kind := ckEmpty
  else if Text[1] = '=' then
    Cell^.Kind := ckFormula
  else
  begin
    Cell^.Kind := ckNumber;
    Cell^.Value := StrToFloatDef(Text, 0);
  end;
end;

function TSheet.Value(Row, Column: Integer): Double;

  function Other(const Text: string): Double;
  begin
    Result := Value(StrToInt(Copy(Text, 3, 3)), Ord(Text[2]) - Ord('A'));
  end;

begin
  Inc(FDepth);
  try
    if FDepth > MaxRows then
      raise ESheet.Create('the formulas go in a circle');
    case FCells[Row, Column].Kind of
      ckNumber: Result := FCells[Row, Column].Value;
      ckFormula: Result := Other(FCells[Row, Column].Text);
    else
      Result := 0;
    end;
  finally
    Dec(FDepth);
  end;
end;

class function TSheet.Name(Column: Integer): Char;
begin
  Result := Chr(Ord('A') + Column);
end;

function Sum(Sheet: TSheet; Column: Integer): Double;
var
  Row: Integer;
begin
  Result := 0;
  for Row := 0 to MaxRows - 1 do
    Result := Result + Sheet.Value(Row, Column);
end;

end.
