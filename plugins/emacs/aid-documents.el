;;; aid-documents.el --- AID's view of the buffers  -*- lexical-binding: t; -*-

;; SPDX-License-Identifier: MIT

;;; Commentary:

;; The daemon knows the text of each buffer in `aid-mode', saved or not.  Whether a buffer changed since it was told is
;; asked of the modification tick, so no change can be missed; the whole text is sent, before anything is asked and when
;; Emacs is idle.  An edit by the daemon names the version it was made from; a buffer that has moved on refuses it.

;;; Code:

(require 'compile)
(require 'flymake)
(require 'aid-client)

(cl-defstruct aid-document
  "What the daemon was told of a buffer: TICK is the buffer's as of VERSION."
  connection uri version tick)

(defvar-local aid--document nil "What the daemon was told of this buffer, or nil.")
(defvar-local aid--report nil "Where flymake wants this buffer's diagnostics.")

(defun aid--text ()
  "Return the text of this buffer, all of it."
  (save-restriction
    (widen)
    (buffer-substring-no-properties 1 (point-max))))

;;; Which buffers

(defvar aid-command-map
  (let ((map (make-sparse-keymap)))
    (pcase-dolist (`(,key . ,command)
                   '(("," . aid-menu) ("c" . aid-chat) ("q" . aid-ask) ("x" . aid-fix-error-at-point)
                     ("w" . aid-edit-region) ("k" . aid-cancel) ("a" . aid-accept-all) ("f" . aid-accept-file)
                     ("h" . aid-accept-hunk) ("r" . aid-reject) ("n" . aid-next-hunk) ("p" . aid-previous-hunk)
                     ("d" . aid-diff) ("e" . aid-compare) ("u" . aid-undo) ("R" . aid-append-region)
                     ("D" . aid-append-defun) ("E" . aid-append-error) ("V" . aid-append-diff) ("F" . aid-append-file)))
      (define-key map key command))
    map)
  "AID's commands, for a prefix of your own.")

;;;###autoload
(define-minor-mode aid-mode
  "Have this file in the care of AID's daemon."
  :lighter (:eval (aid--mode-line))
  :keymap `((,(kbd "C-c ,") . ,aid-command-map) ([remap keyboard-quit] . aid-quit))
  (unless buffer-file-name
    (setq aid-mode nil)
    (user-error "This buffer is no file"))
  (pcase-dolist (`(,hook . ,function)
                 '((after-save-hook . aid--saved) (kill-buffer-hook . aid--close) (change-major-mode-hook . aid--close)
                   (after-set-visited-file-name-hook . aid--renamed)))
    (if aid-mode (add-hook hook function nil t) (remove-hook hook function t)))
  (if (not aid-mode) (progn (aid--close) (aid--leave-flymake))
    (setq aid-root (aid-root))
    (aid--tell (aid-connect aid-root))
    (aid--use-flymake)))

(defun aid--turn-on ()
  "Turn `aid-mode' on in a file of a project, unless it can't be or isn't to be."
  (when (and aid-enable buffer-file-name (not (derived-mode-p 'aid-chat-mode))
             (aid--find-root default-directory) (executable-find (car aid-command) t))
    (aid-mode 1)))

;;;###autoload
(define-globalized-minor-mode aid-global-mode aid-mode aid--turn-on :group 'aid)

(defun aid--adopt (root)
  "Turn `aid-mode' on in files of the project at ROOT, unless it was turned off."
  (dolist (buffer (buffer-list))
    (with-current-buffer buffer
      (when (and buffer-file-name (not (local-variable-p 'aid-mode))
                 (string-prefix-p root (expand-file-name buffer-file-truename))
                 (equal root (aid--find-root default-directory)))
        (aid--turn-on)))))

;;; Telling

(defun aid--flush (connection)
  "Tell the daemon, by CONNECTION, what it doesn't know of buffers in `aid-mode'."
  (dolist (buffer (and (jsonrpc-running-p connection) (buffer-list)))
    (with-current-buffer buffer
      (when (and aid-mode (equal aid-root (slot-value connection 'root))) (aid--tell connection)))))

(defvar aid--idle (run-with-idle-timer 0.5 t (lambda () (mapc #'aid--flush (hash-table-values aid--connections))))
  "Tells of changes although nothing is asked here: others may ask.")

(defun aid--tell (connection)
  "Tell the daemon, by CONNECTION, what it doesn't know of this buffer."
  (cond ((not (and aid--document (eq connection (aid-document-connection aid--document))))
         (setq aid--document (make-aid-document :connection connection :uri (aid--path-to-uri buffer-file-name)
                                                :version 1 :tick (buffer-chars-modified-tick)))
         (aid--notify :textDocument/didOpen (list :languageId (aid--language) :version 1 :text (aid--text))))
        ((aid--changed-p)
         (setf (aid-document-tick aid--document) (buffer-chars-modified-tick))
         (aid--notify :textDocument/didChange (list :version (cl-incf (aid-document-version aid--document)))
                      :contentChanges `[(:text ,(aid--text))]))))

(defun aid--changed-p ()
  "Whether this buffer changed since the daemon was told."
  (/= (aid-document-tick aid--document) (buffer-chars-modified-tick)))

(defun aid--notify (method &optional document &rest params)
  "Say METHOD of this buffer, with DOCUMENT beside its name and other PARAMS."
  (when (and aid--document (jsonrpc-running-p (aid-document-connection aid--document)))
    (jsonrpc-notify (aid-document-connection aid--document) method
                    `(:textDocument (:uri ,(aid-document-uri aid--document) ,@document) ,@params))))

(defun aid--close ()
  "Tell the daemon that this buffer is no longer its business."
  (aid--notify :textDocument/didClose)
  (setq aid--document nil))

(defun aid--saved ()
  "Tell the daemon that this buffer was saved."
  (when aid--document (aid--tell (aid-document-connection aid--document)))
  (aid--notify :textDocument/didSave))

(defun aid--renamed ()
  "Tell the daemon that this buffer visits another file."
  (aid--close)
  (when buffer-file-name (aid--tell (aid-connect aid-root))))

(defun aid--language ()
  "Return the name of this buffer's language."
  (replace-regexp-in-string "\\(-ts\\)?-mode\\'" "" (symbol-name major-mode)))

;;; Edits by the daemon

(defun aid--apply-edit (connection edit)
  "Make EDIT, a WorkspaceEdit, for CONNECTION: all of it or nothing.
Each buffer has one step more to undo; nothing is saved.  Return the answer."
  (let ((changes (append (plist-get edit :documentChanges) nil)))
    (condition-case refused
        (progn
          (dolist (change changes) (aid--check-change connection change))
          (dolist (change changes) (when (plist-get change :kind) (aid--change-file connection change)))
          (aid--change-texts connection (seq-remove (lambda (change) (plist-get change :kind)) changes))
          (run-at-time 0 nil #'aid--flush connection)
          '(:applied t))
      (error (list :applied :json-false :failureReason (error-message-string refused))))))

(defun aid--check-change (connection change)
  "Refuse CHANGE, one of CONNECTION's documentChanges, where it can't be made."
  (pcase-let* (((map :kind :uri :newUri (:textDocument (map (:uri document) :version))) change)
               (file (aid--uri-to-path (or newUri uri document) connection))
               (name (file-name-nondirectory file)) (buffer (get-file-buffer file)))
    (when (and (member kind '("create" "rename")) (file-exists-p file)) (error "%s is there already" name))
    (when version
      (unless (and buffer (buffer-local-value 'aid--document buffer)) (error "%s is no longer open: accept again" name))
      (with-current-buffer buffer
        (cond ((or (aid--changed-p) (/= version (aid-document-version aid--document)))
               (error "%s was edited meanwhile: accept again" name))
              (buffer-read-only (error "%s is read-only: C-x C-q in its buffer, then accept again" name))
              ((not (or (buffer-modified-p) (verify-visited-file-modtime)))
               (error "%s changed on disk: M-x revert-buffer in its buffer, then accept again" name)))))))

(defun aid--change-file (connection change)
  "Make CHANGE, one of CONNECTION's documentChanges that is of a file as such."
  (pcase-let* (((map :kind :uri :oldUri :newUri) change)
               (file (aid--uri-to-path (or oldUri uri) connection)) (buffer (get-file-buffer file))
               (new (aid--uri-to-path (or newUri uri) connection)))
    (make-directory (file-name-directory new) t)
    (pcase kind
      ("create" (write-region "" nil new nil 'silent nil 'excl))
      ("rename" (rename-file file new)
       (when buffer (with-current-buffer buffer (set-visited-file-name new t t))))
      ("delete" (when buffer (with-current-buffer buffer (set-buffer-modified-p nil) (kill-buffer)))
       (delete-file file)))))

(defun aid--change-texts (connection documents)
  "Edit DOCUMENTS, TextDocumentEdits for CONNECTION: all of them or none."
  (pcase-let (((map (:textDocument (map :uri)) :edits) (car documents)))
    (when documents
      (with-current-buffer (find-file-noselect (aid--uri-to-path uri connection) t)
        (undo-boundary)
        (let ((group (prepare-change-group)))
          (atomic-change-group
            (aid--edit edits)
            (undo-amalgamate-change-group group)
            (aid--change-texts connection (cdr documents))))
        (undo-boundary)))))

(defun aid--edit (edits)
  "Make EDITS, TextEdits in the order of the text, in this buffer.
Point and markers stay with their text."
  (save-restriction
    (widen)
    (seq-doseq (edit (reverse edits))
      (pcase-let ((`(,start ,end) (aid--region (plist-get edit :range))))
        (replace-region-contents start end (lambda () (plist-get edit :newText)) 0.5)))))

(defun aid--region (range)
  "Return start and end in this buffer of RANGE, an LSP Range in code points."
  (mapcar (lambda (place)
            (save-excursion
              (goto-char (point-min))
              (if (> (forward-line (plist-get place :line)) 0) (point-max)
                (min (+ (point) (plist-get place :character)) (line-end-position)))))
          (list (plist-get range :start) (plist-get range :end))))

;;; The build's errors

(defun aid-flymake (report &rest _)
  "Give REPORT, flymake's, this buffer's errors, now and when they change."
  (setq aid--report report)
  (when aid--document
    (aid--report-diagnostics (aid-document-connection aid--document) (aid-document-uri aid--document))))

(defun aid--report-diagnostics (connection uri)
  "Tell flymake of the errors that came by CONNECTION for the file at URI."
  (let ((buffer (get-file-buffer (aid--uri-to-path uri connection))))
    (when (and buffer (buffer-local-value 'aid--report buffer) (buffer-local-value 'flymake-mode buffer))
      (with-current-buffer buffer
        (save-restriction
          (widen)
          (funcall aid--report
                   (mapcar #'aid--flymake-diagnostic (gethash uri (slot-value connection 'diagnostics)))
                   :region (cons (point-min) (point-max))))))))

(defun aid--flymake-diagnostic (found)
  "Return FOUND, an LSP Diagnostic of this buffer, as flymake's."
  (pcase-let ((`(,start ,end) (aid--region (plist-get found :range))))
    (when (<= end start)
      (setq start (max (point-min) (min start (1- (point-max)))) end (min (point-max) (1+ start))))
    (flymake-make-diagnostic (current-buffer) start end
                             (pcase (plist-get found :severity) (1 :error) (2 :warning) (_ :note))
                             (plist-get found :message))))

(defun aid--use-flymake ()
  "Show the build's errors by flymake, where no other package does that.
Where flymake was off, only the build's errors are shown."
  (unless (or (bound-and-true-p eglot--managed-mode) (bound-and-true-p lsp-mode) (bound-and-true-p flycheck-mode))
    (if flymake-mode (add-hook 'flymake-diagnostic-functions #'aid-flymake nil t)
      (setq-local flymake-diagnostic-functions '(aid-flymake))
      (flymake-mode 1))
    (flymake-start)))

(defun aid--leave-flymake ()
  "Show the build's errors no more."
  (when aid--report
    (remove-hook 'flymake-diagnostic-functions #'aid-flymake t)
    (when flymake-mode (funcall aid--report nil :region (cons (point-min) (point-max))))
    (setq aid--report nil)))

(defun aid--error-at-point ()
  "Return file, line and text of the error at point; the text is nil for none."
  (if (derived-mode-p 'compilation-mode)
      (let* ((place (compilation--message->loc (save-excursion (beginning-of-line) (compilation-next-error 0))))
             (file (car (compilation--loc->file-struct place)))
             (next (next-single-property-change (line-end-position) 'compilation-message nil (point-max)))
             (end (save-excursion (if (re-search-forward "^$" next t) (point) next))))
        (list (expand-file-name (car file) (cadr file)) (compilation--loc->line place)
              (buffer-substring-no-properties (line-beginning-position) end)))
    (let ((found (flymake-diagnostics (line-beginning-position) (line-end-position))))
      (list (aid--file) (line-number-at-pos nil t)
            (and found (mapconcat #'flymake-diagnostic-text found "\n"))))))

(provide 'aid-documents)
;;; aid-documents.el ends here
